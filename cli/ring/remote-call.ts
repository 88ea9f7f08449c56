/**
 * Calls and open files of the host at a machine in another process. A call holds all that it takes
 * to send it again; a file holds all that it takes to open it again.
 */

import { AT_POSITION, type Call, type Descriptor } from "../../ipc/abi.js";
import type { Errno } from "../../ipc/errno.js";
import { OP_READ, OP_WRITE, operation } from "../../ipc/opcode.js";
import { O_APPEND } from "../../ipc/open-flags.js";
import type { Outcome } from "../../ipc/sys-error.js";
import type { Deed } from "./fate.js";
import type { FrameKind, FrameParts } from "./frame.js";
import type { AnswerBody, Identity } from "./messages.js";

/** What an open was asked, and what it answered. */
export interface FileFacts {
  /** As the caller gave it. */
  asked: string;
  /** As the machine resolved it. */
  url: string;
  flags: number;
  positioned: boolean;
  identity: Identity;
  /** Number of the narrowed view that it was opened through. */
  within: number | undefined;
}

/** An open file. */
export class RemoteFile implements Descriptor {
  readonly number: number;
  readonly facts: FileFacts;
  position = 0;
  /** Set when it could not be opened again: every operation answers this. */
  lost: Errno | undefined;
  /** Changes that were acknowledged, and how many of them a sync has covered. */
  changes = 0;
  synced = 0;
  /** A machine died with changes that no sync had covered: the next sync says so. */
  unsure = false;
  readonly #make: (file: RemoteFile, opcode: number) => Call;

  constructor(number: number, facts: FileFacts, make: (file: RemoteFile, opcode: number) => Call) {
    this.number = number;
    this.facts = facts;
    this.#make = make;
  }

  get url(): string {
    return this.facts.url;
  }

  get flags(): number {
    return this.facts.flags;
  }

  get positioned(): boolean {
    return this.facts.positioned;
  }

  call(opcode: number): Call {
    return this.#make(this, opcode);
  }

  /** True when both are handles on one object. */
  isTwin(other: RemoteFile): boolean {
    const { object } = this.facts.identity;
    if (object === undefined) return this.url === other.url;
    return object === other.facts.identity.object && schemeOf(this.url) === schemeOf(other.url);
  }

  /** Takes the position for a transfer of `length` bytes and moves it behind them. */
  claim(length: number, writes: boolean): number {
    if (writes && (this.flags & O_APPEND) !== 0) return -1;
    const at = this.position;
    this.position += length;
    return at;
  }

  /** Corrects the position after a transfer that moved fewer bytes than it claimed. */
  settle(at: number, asked: number, moved: number): void {
    if (at >= 0 && this.position === at + asked) this.position = at + moved;
  }
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(":"));
}

/** What a call is made with. */
export interface RemoteCallParts {
  opcode: number;
  kind: FrameKind;
  file?: RemoteFile;
  deed: Omit<Deed, "opcode" | "positioned">;
  /** Makes the frame's parts when the call is sent; undefined: it is answered already. */
  frame: (call: RemoteCall) => FrameParts | undefined;
  /** Looks at a success before the caller does. */
  landed?: (call: RemoteCall, answer: AnswerBody) => void;
}

/** One call. */
export class RemoteCall implements Call {
  readonly opcode: number;
  bytes: Uint8Array | undefined;
  room = 0;
  offset = AT_POSITION;
  arg0 = 0;
  arg1 = 0;
  arg2 = 0;
  nonblocking = false;
  deadlineMs = 0;
  done = false;
  result = 0;
  body: Uint8Array | undefined;
  outcome: Outcome | undefined;
  incarnation: { old: number; now: number } | undefined;

  readonly parts: RemoteCallParts;
  /** Its number on the link; 0 before it starts. */
  number = 0;
  /** Machines that died while it was in flight. */
  deaths = 0;
  /** The file that an open made. */
  opened: RemoteFile | undefined;
  /** Acknowledged changes of its file when it was sent: what a sync covers. */
  changesBefore = 0;
  timer: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];
  #claimed = false;

  constructor(parts: RemoteCallParts) {
    this.opcode = parts.opcode;
    this.parts = parts;
  }

  get deed(): Deed {
    const { file, deed } = this.parts;
    return { ...deed, opcode: this.opcode, positioned: file?.positioned === true };
  }

  /** Bytes that it keeps the link busy with, both ways. */
  get weight(): number {
    return Math.max(this.bytes?.length ?? 0, this.room);
  }

  /** Bytes that go along. */
  get payload(): Uint8Array | undefined {
    return operation(this.opcode).sends ? this.bytes : undefined;
  }

  /** Settles the position that it works at, once: a repetition works at the same. */
  claim(): void {
    const { file } = this.parts;
    if (this.offset !== AT_POSITION || file === undefined) return;
    const transfers = this.opcode === OP_READ || this.opcode === OP_WRITE;
    const length = transfers ? (this.bytes?.length ?? 0) : 0;
    this.offset = file.claim(length, this.opcode === OP_WRITE);
    this.#claimed = true;
  }

  /** Ends the call, once. */
  finish(result: number, outcome?: Outcome): void {
    if (this.done) return;
    this.done = true;
    this.result = result;
    this.outcome = outcome;
    clearTimeout(this.timer);
    if (this.#claimed) {
      this.parts.file?.settle(this.offset, this.bytes?.length ?? 0, Math.max(0, result));
    }
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Resolves when it is done. */
  whenDone(): Promise<number> {
    if (this.done) return Promise.resolve(this.result);
    return new Promise((resolve) => {
      this.#waiters.push(() => {
        resolve(this.result);
      });
    });
  }
}
