/**
 * `event:`: readiness of many files in one place. Bits coalesce: a queue holds at most one entry
 * per file that is watched. Beside readiness it tells what Redox's cannot: a provider that is gone
 * for good (hang-up), and one that came back without all of the session (reset).
 */

import type { Descriptor } from "../../ipc/abi.js";
import { encodeBody } from "../../ipc/codec.js";
import { EAGAIN, EOPNOTSUPP } from "../../ipc/errno.js";
import { OP_CLOSE, OP_READ } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { LocalObject, type LocalRequest } from "./objects.js";

/** What is watched: the caller's number for it, and which events matter. */
interface Watch {
  id: number;
  mask: number;
}

/** One queue. */
export class EventQueue extends LocalObject {
  readonly id: number;
  readonly url = "event:/";
  readonly flags = O_READ | O_WRITE;
  readonly #watches = new Map<Descriptor, Watch>();
  readonly #ready = new Map<Descriptor, number>();

  /** @param id - negative: the kernel knows nothing of it */
  constructor(id: number) {
    super();
    this.id = id;
  }

  /** Watches `target`; a mask of 0 ends that. */
  watch(target: Descriptor, watch: Watch): void {
    if (watch.mask !== 0) this.#watches.set(target, watch);
    else {
      this.#watches.delete(target);
      this.#ready.delete(target);
    }
  }

  /** Adds events of a watched file. Error, hang-up and reset always matter. */
  post(target: Descriptor, events: number, always = false): void {
    const watch = this.#watches.get(target);
    const bits = always ? events : events & (watch?.mask ?? 0);
    if (watch === undefined || bits === 0) return;
    this.#ready.set(target, (this.#ready.get(target) ?? 0) | bits);
  }

  attempt(request: LocalRequest): boolean {
    if (request.opcode === OP_CLOSE) request.finish(0);
    else if (request.opcode !== OP_READ) request.finish(-EOPNOTSUPP.errno);
    else this.#read(request);
    return request.done;
  }

  #read(request: LocalRequest): void {
    for (const target of this.#watches.keys()) {
      if (target instanceof LocalObject) this.post(target, target.readiness());
    }
    if (this.#ready.size > 0) {
      const events = [...this.#ready].map(([target, bits]) => [
        this.#watches.get(target)?.id,
        bits,
      ]);
      this.#ready.clear();
      request.body = encodeBody(events);
      request.finish(events.length);
    } else if (request.nonblocking) request.finish(-EAGAIN.errno);
  }

  setSleeping(sleeping: boolean): void {
    for (const target of this.#watches.keys()) {
      if (target instanceof LocalObject) target.setSleeping(sleeping);
    }
  }
}
