/**
 * A test stand for the provider's side of the gate: a real `Provider` over real channels, with a
 * fake kernel around it, all in one thread. Clients write whatever they like into their requests,
 * as a hostile one would: nothing here goes through the client's half of the gate.
 */

import { ClientChannel } from "../../ipc/client-channel.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import type { Mail } from "../../ipc/mail.js";
import { OP_OPEN } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { RIGHTS_ALL } from "../../ipc/rights.js";
import { allocateChannel, type ChannelMemory } from "../../ipc/ring-block.js";
import type { Scheme } from "../../ipc/scheme.js";
import { CQE_BODY_SHIFT, emptySqe, type Sqe } from "../../ipc/sqe.js";
import { FaultPoints } from "../../kernel/gate/fault-points.js";
import { Provider } from "../../kernel/gate/provider.js";

const ARENA_BYTES = 128 * 1024;

/** A request's fields, its payload, and the room for the answer. */
export interface Ask extends Partial<Sqe> {
  body?: Uint8Array | string;
  room?: number;
}

/** What came back; `results` has more than one entry if the gate answered twice. */
export interface Answer {
  tag: number;
  results: number[];
  bytes: Uint8Array;
}

/** Lets every promise that is settled take effect. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A provider and the kernel around it. */
export class Stand {
  readonly cells = new Int32Array(new SharedArrayBuffer(64 * 4));
  readonly provider: Provider;
  readonly bugs: unknown[] = [];
  readonly drained: number[] = [];
  readonly resumed: number[] = [];
  /** Mail that was posted and not read. */
  readonly unread: Mail[] = [];
  nowMs = 1000;

  constructor(schemes: Readonly<Record<string, Scheme>>, recovering = false) {
    const words = new Int32Array(16);
    const faults = new FaultPoints(words, new Doorbell(allocateDoorbell()));
    this.provider = new Provider(
      {
        words,
        faults,
        now: () => this.nowMs,
        readMail: () => {
          for (const mail of this.unread.splice(0)) this.provider.receive(mail);
        },
        mailWaits: () => this.unread.length > 0,
        joined: () => {},
        drained: (drain) => this.drained.push(drain),
        resumed: (count) => this.resumed.push(count),
        bug: (error) => this.bugs.push(error),
      },
      this.cells,
      recovering,
    );
    this.provider.serve(new Map(Object.entries(schemes)));
  }

  /** Connects a client. */
  client(pid: number, replays = false): StandClient {
    const memory = allocateChannel(ARENA_BYTES);
    const bell = allocateDoorbell();
    this.provider.receive({ kind: "client", client: pid, session: pid, memory, bell, replays });
    return new StandClient(this, pid, memory);
  }

  /** Gives `client` a capability on `root`. */
  grant(index: number, client: number, rights = RIGHTS_ALL, root = "/"): number {
    this.cells[index] = rights;
    this.provider.receive({ kind: "capability", index, client, scheme: "x", root });
    return index;
  }

  /** Clears cells as `revoke` does; the mail comes later. */
  clear(...indices: number[]): void {
    for (const index of indices) Atomics.store(this.cells, index, 0);
  }

  revoke(...indices: number[]): void {
    this.clear(...indices);
    this.provider.receive({ kind: "revoked", indices });
  }
}

/** A client that can write what it likes. */
export class StandClient {
  readonly pid: number;
  readonly channel: ClientChannel;
  /** The ring block, for entries and indices that the channel itself would never write. */
  readonly words: Int32Array;
  readonly #stand: Stand;

  constructor(stand: Stand, pid: number, memory: ChannelMemory) {
    this.#stand = stand;
    this.pid = pid;
    this.channel = new ClientChannel(memory, new Doorbell(allocateDoorbell()));
    this.words = new Int32Array(memory.ring);
  }

  /** Publishes a request; nobody has looked at it yet. */
  send(ask: Ask): Answer {
    const { body, room, ...fields } = ask;
    const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array(0));
    const length = Math.max(bytes.length, room ?? 0);
    const arenaOffset = length === 0 ? 0 : this.channel.book.allocate(length);
    this.channel.arena.set(bytes, arenaOffset);
    const facts = { arenaOffset, arenaLength: length, arg2: bytes.length };
    Object.assign(this.channel.sqe, emptySqe(), facts, fields);
    const answer: Answer = { tag: 0, results: [], bytes: new Uint8Array(0) };
    const flight = {
      landed: (result: number, flags: number) => {
        answer.results.push(result);
        const count = Math.max(flags >>> CQE_BODY_SHIFT, ask.opcode === OP_OPEN ? 0 : result, 0);
        answer.bytes = this.channel.arena.slice(arenaOffset, arenaOffset + Math.min(count, length));
      },
      arenaOffset,
      arenaLength: length,
      sqIndex: 0,
      tag: 0,
    };
    this.channel.submit(flight);
    answer.tag = flight.tag;
    return answer;
  }

  /** Publishes a message that nobody answers. */
  tell(fields: Partial<Sqe>): void {
    Object.assign(this.channel.sqe, emptySqe(), fields);
    this.channel.submitOneWay();
  }

  /** Lets the provider work, and lands what it answered. */
  run(): void {
    this.#stand.provider.dispatch();
    this.channel.poll();
  }

  /** Sends a request whose handler answers at once. Returns the result. */
  ask(ask: Ask): number {
    const answer = this.send(ask);
    this.run();
    return answer.results[0] ?? Number.NaN;
  }

  open(capability: number, path = "/f", flags = O_READ | O_WRITE): number {
    return this.ask({ opcode: OP_OPEN, body: path, room: 512, capability, arg1: flags });
  }
}
