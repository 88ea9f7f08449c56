/** A scene for counterparts: a `World` with three daemons in a row, and words for requests. */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { errnoFromNumber } from "../../ipc/errno.js";
import type { ObjectMail } from "../../ipc/mail.js";
import { OP_CLOSE, OP_DUP, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { formatRights } from "../../ipc/rights.js";
import { EventQueue } from "../../kernel/gate/event-queue.js";
import { LocalRequest, PipeEnd } from "../../kernel/gate/objects.js";
import { turn } from "../kernel/gate-stand.js";
import type { Actor, Answer, Ask } from "./actor.js";
import { Vault } from "./vault.js";
import { World } from "./world.js";

/** A capability as it was answered. */
export interface Derived {
  id: number;
  index: number;
}

/** Both ends of a pipe. */
export interface Ends {
  holder: Actor;
  reader: PipeEnd;
  writer: PipeEnd;
}

const DAEMONS = ["low", "mid", "high"];

/** What a result says: "ok", or the symbol of its errno. "no answer": it waits. */
export function say(result: number): string {
  if (Number.isNaN(result)) return "no answer";
  return result >= 0 ? "ok" : errnoFromNumber(-result).code;
}

/** A machine in one thread with daemons `low`, `mid` (may call low) and `high` (may call both). */
export class Scene {
  readonly world: World;
  /** Vault of each daemon's living incarnation. */
  readonly vaults = new Map<string, Vault>();

  private constructor() {
    this.world = new World(
      DAEMONS.map((name, i) => ({
        name,
        needs: Object.fromEntries(DAEMONS.slice(0, i).map((lower) => [`${lower}:/`, "all"])),
        make: () => {
          const vault = new Vault();
          this.vaults.set(name, vault);
          return vault.scheme();
        },
      })),
    );
  }

  /** Sets the scene; the host is connected to all. */
  static async set(): Promise<Scene> {
    const scene = new Scene();
    await scene.world.settle();
    for (const name of DAEMONS) await scene.host.connect(scene.pid(name));
    return scene;
  }

  get host(): Actor {
    return this.world.host;
  }

  get low(): number {
    return this.pid("low");
  }

  /** What the daemon `low` sees. */
  get vault(): Vault {
    return this.vaults.get("low") as Vault;
  }

  pid(name: string): number {
    return this.world.kernel.processes.find(name)?.pid ?? -1;
  }

  /** A program that has `low:root` with these rights, and is connected to it. */
  async user(rights = "all", root = "/"): Promise<Actor> {
    const program = await this.world.program({ names: [{ url: `low:${root}`, rights }] });
    await program.connect(this.low);
    return program;
  }

  // --- requests to low --------------------------------------------------------------------------

  /** Opens. Returns the handle, or -errno. */
  open(actor: Actor, path = "/a", flags = O_READ | O_WRITE, index?: number): number {
    return actor.open(this.low, index ?? actor.entry("low").capability, path, flags);
  }

  /** A request on a handle. */
  on(actor: Actor, opcode: number, handle: number, more: Partial<Ask> = {}): number {
    return actor.result(this.low, { opcode, handle, room: 512, ...more });
  }

  /** Reads: the data, or the symbol of the errno. */
  read(actor: Actor, handle: number): string {
    const answer = actor.request(this.low, { opcode: OP_READ, handle, room: 64 });
    const [result = Number.NaN] = answer.results;
    return result >= 0 ? Buffer.from(answer.bytes).toString() : say(result);
  }

  write(actor: Actor, handle: number, data = "data"): string {
    return say(this.on(actor, OP_WRITE, handle, { body: data, room: 0 }));
  }

  dup(actor: Actor, handle: number): number {
    return this.on(actor, OP_DUP, handle, { body: "copy" });
  }

  close(actor: Actor, handle: number): string {
    return say(this.on(actor, OP_CLOSE, handle, { room: 0 }));
  }

  /** A path operation under a capability. */
  path(actor: Actor, opcode: number, names: string[], index?: number): string {
    const capability = index ?? actor.entry("low").capability;
    const body = encodeBody(names);
    return say(actor.result(this.low, { opcode, body, room: 1024, capability }));
  }

  /** Begins a read that waits, on a fresh handle of `path`. */
  park(actor: Actor, path = "/a/slow", index?: number): Answer {
    const handle = this.open(actor, path, O_READ, index);
    return actor.request(this.low, { opcode: OP_READ, handle, room: 64 });
  }

  /** Lets what waits at low be answered. */
  async release(): Promise<void> {
    this.vault.release();
    await turn();
    await this.world.settle();
  }

  // --- capabilities -----------------------------------------------------------------------------

  /** @throws RangeError with the errno's symbol */
  narrow(actor: Actor, url: string, rights: string | number): Derived {
    const text = typeof rights === "number" ? formatRights(rights) : rights;
    const { result, value } = actor.ask("narrow", { url, rights: text });
    if (result < 0) throw new RangeError(say(result));
    const { id, entry } = value as { id: number; entry: { capability: number } };
    return { id, index: entry.capability };
  }

  /** Gives; the receiver knows of it. @throws RangeError with the errno's symbol */
  grant(actor: Actor, to: Actor | string, url: string, rights: string): Derived {
    const target = typeof to === "string" ? to : to.pid;
    const { result, value } = actor.ask("grant", { to: target, url, rights });
    if (result < 0) throw new RangeError(say(result));
    const { id } = value as { id: number };
    this.world.step();
    return { id, index: this.world.capabilities.get(id)?.index ?? -1 };
  }

  /** Revokes: "ok", or the symbol of the errno. */
  revoke(actor: Actor, id: number): string {
    return say(actor.ask("revoke", { id }).result);
  }

  /** A chain of capabilities of the host, each derived from the one before. */
  chain(actor: Actor, length: number): Derived[] {
    const { capabilities, kernel } = this.world;
    const links: Derived[] = [];
    const own = actor.entry("low");
    let parent = capabilities.find(actor.pid, own.provider, own.capability);
    for (let i = 0; i < length && parent !== undefined; i++) {
      const holder = kernel.processes.get(actor.pid);
      if (holder === undefined) break;
      parent = kernel.derive(parent, { holder, root: parent.root, rights: parent.rights });
      links.push({ id: parent.id, index: parent.index });
    }
    this.world.step();
    return links;
  }

  /** What names a handle to the kernel. */
  reference(actor: Actor, handle: number, path = "/a"): Record<string, unknown> {
    return {
      provider: this.low,
      handle,
      capability: actor.entry("low").capability,
      path,
      url: `low:${path}`,
      flags: O_READ | O_WRITE,
      positioned: true,
      position: 0,
    };
  }

  /** The capability under which a child inherited its first handle. */
  inheritedBy(child: Actor): number {
    const [first] = child.stdio;
    return first?.kind === "session" ? first.capability : -1;
  }

  /** Takes a handle that was passed on under a capability. */
  take(actor: Actor, capability: number): number {
    return actor.result(this.low, { opcode: OP_DUP, capability, room: 512 });
  }

  // --- pipes ------------------------------------------------------------------------------------

  /** Both ends of a pipe of `holder`. */
  pipe(holder: Actor): Ends {
    const { value } = holder.ask("pipe", {});
    holder.readMail();
    const { read, write } = value as { read: number; write: number };
    return { holder, reader: this.end(holder, read), writer: this.end(holder, write) };
  }

  /** The end of a pipe that came by mail. */
  end(holder: Actor, id: number): PipeEnd {
    for (const mail of holder.heard) {
      if (mail.kind !== "object" || mail.object.id !== id) continue;
      return new PipeEnd(mail.object as ObjectMail & { object: "pipe" }, () => false);
    }
    throw new RangeError(`${id} did not come`);
  }

  /** Closes one end, and tells the other what its process was told. */
  closeEnd({ holder, reader, writer }: Ends, which: "reader" | "writer"): void {
    holder.ask("close-object", { id: which === "reader" ? reader.id : writer.id });
    this.hear(holder, [reader, writer]);
  }

  /** Passes mail about pipes to the ends that it concerns. */
  hear(holder: Actor, ends: readonly PipeEnd[]): void {
    holder.readMail();
    for (const mail of holder.heard.splice(0)) {
      if (mail.kind !== "pipe") continue;
      ends.find(({ id }) => id === mail.pipe.id)?.update(mail.pipe);
    }
  }
}

/** Reads from a pipe's end without waiting: the data, or the symbol of the errno. */
export function take(end: PipeEnd, length = 64): string {
  const request = new LocalRequest(OP_READ, end);
  const bytes = new Uint8Array(length);
  request.bytes = bytes;
  request.nonblocking = true;
  end.attempt(request);
  const { result } = request;
  return result > 0 ? Buffer.from(bytes.subarray(0, result)).toString() : sayCount(result);
}

/** Writes to a pipe's end without waiting: the count, or the symbol of the errno. */
export function put(end: PipeEnd, data: string | Uint8Array): number | string {
  const request = new LocalRequest(OP_WRITE, end);
  request.bytes = typeof data === "string" ? Buffer.from(data) : data;
  request.nonblocking = true;
  end.attempt(request);
  return request.result >= 0 ? request.result : say(request.result);
}

function sayCount(result: number): string {
  return result === 0 ? "" : say(result);
}

/** What an event queue tells now: pairs of number and events; "EAGAIN" when there is nothing. */
export function told(queue: EventQueue): (readonly [number, number])[] | string {
  const request = new LocalRequest(OP_READ, queue);
  request.nonblocking = true;
  queue.attempt(request);
  if (request.result < 0) return say(request.result);
  return decodeEvents(request.body);
}

function decodeEvents(body: Uint8Array | undefined): [number, number][] {
  const decoded = decodeBody(body ?? new Uint8Array(0));
  return "errno" in decoded ? [] : (decoded.value as [number, number][]);
}

/** A queue that watches ends under the numbers 1, 2, 3 … */
export function queueOf(ends: readonly PipeEnd[], mask = 0xff): EventQueue {
  const queue = new EventQueue(-1);
  for (const [i, end] of ends.entries()) queue.watch(end, { id: i + 1, mask });
  return queue;
}
