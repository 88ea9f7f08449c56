/**
 * The gate of a host whose machine runs in another process: the same calls as at a gate in this
 * process, sent as frames. It outlives the machine: when the next one serves, it opens the files
 * again, and what was in flight is repeated or ended.
 */

import {
  ABI_VERSION,
  type Call,
  type Descriptor,
  type DmaRegion,
  type Gate,
  type NameView,
  type SelfInfo,
  type SyscallName,
  type Window,
} from "../../ipc/abi.js";
import { hostClock } from "../../ipc/clock.js";
import { encodeBody } from "../../ipc/codec.js";
import { ECANCELED, EOPNOTSUPP, Errno, ESTALE } from "../../ipc/errno.js";
import { BODY_BYTES_MAX } from "../../ipc/limits.js";
import { HOST_PID } from "../../ipc/mail.js";
import {
  OP_FEVENT,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_OPEN,
  OP_READ,
  OP_SYSCALL,
  OP_WRITE,
} from "../../ipc/opcode.js";
import type { Frame, FrameParts } from "./frame.js";
import { Keepsakes } from "./keepsakes.js";
import type { OperateBody } from "./messages.js";
import { EVENT_URL, QueueFile } from "./queue-file.js";
import { RemoteCall, RemoteFile } from "./remote-call.js";
import { end, type Link, Traffic } from "./traffic.js";

/** Room for what `readlink` answers. */
const PATH_ROOM = 8192;

/** The gate. */
export class RemoteGate implements Gate {
  readonly abi = ABI_VERSION;
  readonly self: SelfInfo = {
    pid: HOST_PID,
    name: "host",
    args: [],
    cwd: "file:/",
    incarnation: 1,
    program: "",
    provides: [],
  };
  readonly stdio: readonly Descriptor[] = [];
  readonly #files = new Map<number, RemoteFile>();
  readonly #traffic = new Traffic((number) => this.#files.has(number));
  readonly #keepsakes = new Keepsakes(async (name, body) => {
    const call = this.syscall(name, body);
    await this.#traffic.restore(call);
    return call;
  });

  // --- the calls --------------------------------------------------------------------------------

  /** Only the machine knows; `sys:/schemes` says it. */
  schemes(): string[] {
    return [];
  }

  open(url: string, flags: number, within?: NameView): Call {
    return new RemoteCall({
      opcode: OP_OPEN,
      kind: "open",
      deed: { flags },
      frame: (call) => this.#within(call, within, (view) => ({ url, flags, ...view })),
      landed: (call, answer) => {
        if (answer.opened === undefined) return;
        const facts = { asked: url, flags, within: this.#keepsakes.viewNumber(within) };
        call.opened = this.#adopt(call.number, { ...facts, ...answer.opened });
      },
    });
  }

  #adopt(number: number, facts: RemoteFile["facts"]): RemoteFile {
    const Kind = facts.url === EVENT_URL ? QueueFile : RemoteFile;
    const file = new Kind(number, facts, this.#operation);
    this.#files.set(number, file);
    return file;
  }

  /** The body of a call that names something, under the view's name of today. */
  #within(
    call: RemoteCall,
    within: NameView | undefined,
    body: (view: { within?: NameView }) => unknown,
  ): FrameParts | undefined {
    const view = this.#keepsakes.view(within);
    if (!(view instanceof Errno)) return { body: body(view === undefined ? {} : { within: view }) };
    end(call, view, "not-executed");
    return undefined;
  }

  opened(call: Call): Descriptor | undefined {
    return (call as RemoteCall).opened;
  }

  path(opcode: number, url: string, names: { second?: string; within?: NameView }): Call {
    const { within, ...second } = names;
    const made = new RemoteCall({
      opcode,
      kind: "path",
      deed: {},
      frame: (call) =>
        this.#within(call, within, (view) => ({
          ...{ opcode, url, arg1: call.arg1 },
          ...second,
          ...view,
        })),
    });
    made.room = PATH_ROOM;
    return made;
  }

  watch(queue: Descriptor, target: Descriptor, watch: { id: number; mask: number }): Call {
    if (!(queue instanceof QueueFile)) {
      const refused = new RemoteCall({
        ...{ opcode: OP_FEVENT, kind: "watch", deed: {} },
        frame: () => undefined,
      });
      end(refused, EOPNOTSUPP, "not-executed");
      return refused;
    }
    queue.watch(target as RemoteFile, watch);
    return this.#watching({ queue, target: target as RemoteFile }, watch);
  }

  #watching(
    { queue, target }: { queue: QueueFile; target: RemoteFile },
    watch: { id: number; mask: number },
  ): RemoteCall {
    const body = { queue: queue.number, target: target.number, ...watch };
    return new RemoteCall({
      opcode: OP_FEVENT,
      kind: "watch",
      file: target,
      deed: { events: true },
      frame: () => ({ body }),
    });
  }

  syscall(name: SyscallName, body: unknown): RemoteCall {
    // Here, so that a body that is too large is the caller's error.
    encodeBody(body);
    const made = new RemoteCall({
      opcode: OP_SYSCALL,
      kind: "syscall",
      deed: { syscall: name },
      frame: (call) => {
        const sent = this.#keepsakes.translate(name, body);
        if (sent === undefined) {
          call.finish(0);
          return undefined;
        }
        // Descriptors travel by number, beside the body.
        const { stdio, ...fields } = sent as { stdio?: unknown };
        const references = stdio === undefined ? {} : { stdio };
        return { body: { name, ...references }, payload: encodeBody(fields) };
      },
      landed: (call) => {
        this.#keepsakes.learn(name, body, call);
      },
    });
    made.room = BODY_BYTES_MAX;
    return made;
  }

  readonly #operation = (file: RemoteFile, opcode: number): Call =>
    new RemoteCall({
      opcode,
      kind: "operate",
      file,
      deed: { events: file instanceof QueueFile },
      frame: (call) => this.#operate(call, file),
      landed: (call) => {
        noteChange(call, file);
      },
    });

  #operate(call: RemoteCall, file: RemoteFile): FrameParts | undefined {
    if (file instanceof QueueFile && call.opcode === OP_READ && file.takeResets(call)) {
      return undefined;
    }
    if (call.opcode === OP_FSYNC && file.unsure) {
      file.unsure = false;
      file.synced = file.changes;
      this.#traffic.disown(call);
      return undefined;
    }
    call.changesBefore = file.changes;
    const { opcode, offset, arg0, arg1, arg2, room, nonblocking } = call;
    const length = opcode === OP_READ ? (call.bytes?.length ?? 0) : 0;
    const facts = { opcode, offset, arg0, arg1, arg2, room, nonblocking };
    const body: OperateBody = { ...facts, descriptor: file.number, length };
    return { body, payload: call.payload };
  }

  close(descriptor: Descriptor): void {
    const { number } = descriptor as RemoteFile;
    const { serving, link } = this.#traffic;
    if (this.#files.delete(number) && serving) link?.send("close", { call: number });
  }

  reference(descriptor: Descriptor): unknown {
    const { number, position } = descriptor as RemoteFile;
    return { descriptor: number, position };
  }

  start(call: Call): void {
    this.#traffic.start(call as RemoteCall);
  }

  settle(call: Call): Promise<number> {
    this.start(call);
    return (call as RemoteCall).whenDone();
  }

  cancel(call: Call): void {
    this.#traffic.abandon(call as RemoteCall, ECANCELED);
  }

  // --- machines come and go ---------------------------------------------------------------------

  /** Takes an answer from the machine. */
  answer(frame: Frame): void {
    this.#traffic.answer(frame);
  }

  /** The machine has died; all that it had answered has been taken. */
  died(): void {
    const files = [...this.#files.values()];
    const changed = files.filter(({ changes, synced }) => changes > synced);
    for (const file of files) {
      if (changed.some((other) => other === file || other.isTwin(file))) file.unsure = true;
    }
    this.#traffic.died();
  }

  /**
   * A machine has booted: restores what its predecessors had for this host, decides on what was in
   * flight, and goes on. Resolves to the daemons that could not be loaded again, or to undefined
   * when this machine has died, too.
   */
  async connected(link: Link, boots: number): Promise<string[] | undefined> {
    const traffic = this.#traffic;
    traffic.link = link;
    traffic.boots = boots;
    const lost = await this.#keepsakes.restore();
    if (traffic.link !== link) return undefined;
    const files = [...this.#files.values()].filter((file) => file.lost === undefined);
    await Promise.all(files.map((file) => this.#reattach(file)));
    for (const file of files) if (file instanceof QueueFile) await this.#watchAgain(file);
    if (traffic.link !== link) return undefined;
    traffic.resume();
    return lost;
  }

  async #reattach(file: RemoteFile): Promise<void> {
    const { asked, flags, identity, within } = file.facts;
    const { link } = this.#traffic;
    const view = this.#keepsakes.viewOf(within);
    if (!(view instanceof Errno)) {
      const body = { url: asked, flags, identity, ...(view === undefined ? {} : { within: view }) };
      const call = new RemoteCall({
        ...{ opcode: OP_OPEN, kind: "reattach", deed: {} },
        frame: () => ({ body }),
      });
      call.number = file.number;
      await this.#traffic.restore(call);
      // When this machine has died, too, the next one will be asked.
      if (call.result >= 0 || this.#traffic.link !== link) return;
    }
    file.lost = ESTALE;
  }

  /** The new machine does not know who watched what. */
  async #watchAgain(queue: QueueFile): Promise<void> {
    if (queue.lost !== undefined) return;
    for (const [target, watch] of queue.watches) {
      if (target.lost !== undefined) continue;
      await this.#traffic.restore(this.#watching({ queue, target }, watch));
    }
    queue.noteResets();
  }

  /** There will be no machine any more: everything that waits ends. */
  givenUp(): void {
    this.#traffic.givenUp();
  }

  // --- what a host in another process has not ---------------------------------------------------

  now(): number {
    return hostClock.now();
  }

  /** A host serves nothing: it has none. */
  store(): undefined {
    return undefined;
  }

  log(line: string): void {
    this.start(this.syscall("log", { line }));
  }

  /** The machine's end holds back what follows an order to die: frames arrive in order. */
  holdUntil(): void {
    return undefined;
  }

  wait(): never {
    throw EOPNOTSUPP;
  }

  waitAny(): never {
    throw EOPNOTSUPP;
  }

  sleep(): never {
    throw EOPNOTSUPP;
  }

  object(): undefined {
    return undefined;
  }

  window(): Window | Errno {
    return EOPNOTSUPP;
  }

  dma(): DmaRegion | Errno {
    return EOPNOTSUPP;
  }

  irq(): Promise<number> {
    return Promise.reject(EOPNOTSUPP);
  }

  irqAck(): never {
    throw EOPNOTSUPP;
  }

  serve(): Promise<void> {
    return Promise.reject(EOPNOTSUPP);
  }
}

/** Keeps account of what a sync has to cover. */
function noteChange(call: RemoteCall, file: RemoteFile): void {
  if (call.opcode === OP_WRITE || call.opcode === OP_FTRUNCATE) file.changes++;
  else if (call.opcode === OP_FSYNC) file.synced = Math.max(file.synced, call.changesBefore);
}
