/**
 * Pipes: the kernel makes the rings, tells both ends of each other, and says who is gone. The bytes
 * go from process to process. Each writer has a ring of its own, so that no lock is needed.
 */

import { allocateByteRing, ByteRing, READERS_GONE, WRITER_GONE } from "../ipc/byte-ring.js";
import { PIPE_BYTES } from "../ipc/limits.js";
import type { ObjectMail, PipeMail } from "../ipc/mail.js";
import type { Process } from "./process.js";

interface PipeEnd {
  id: number;
  holder: Process;
  pipe: Pipe;
  /** A writer's ring; readers have none. */
  ring: ByteRing | undefined;
}

interface Pipe {
  readers: Map<number, PipeEnd>;
  writers: Map<number, PipeEnd>;
  /** Rings of all writers so far that may still hold bytes. */
  rings: ByteRing[];
}

/** All pipes. */
export class Pipes {
  readonly #ends = new Map<number, PipeEnd>();
  readonly #nextId: () => number;

  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Makes a pipe whose both ends `holder` has. */
  create(holder: Process): { read: number; write: number } {
    const pipe: Pipe = { readers: new Map(), writers: new Map(), rings: [] };
    const read = this.#add(pipe, holder, "read");
    const write = this.#add(pipe, holder, "write");
    for (const end of [read, write]) {
      holder.mail({ kind: "object", object: this.#describe(end) });
    }
    return { read: read.id, write: write.id };
  }

  #add(pipe: Pipe, holder: Process, side: "read" | "write"): PipeEnd {
    const id = this.#nextId();
    const ring = side === "write" ? new ByteRing(allocateByteRing(PIPE_BYTES)) : undefined;
    const end: PipeEnd = { id, holder, pipe, ring };
    this.#ends.set(id, end);
    (side === "read" ? pipe.readers : pipe.writers).set(id, end);
    if (ring !== undefined) pipe.rings.push(ring);
    return end;
  }

  /** Gives `holder` a copy of the end `id` of `owner`; undefined if that is none of its ends. */
  share(id: number, owner: Process, holder: Process): ObjectMail | undefined {
    const end = this.#ends.get(id);
    if (end === undefined || end.holder !== owner) return undefined;
    const copy = this.#add(end.pipe, holder, end.ring === undefined ? "read" : "write");
    this.#update(end.pipe, copy);
    return this.#describe(copy);
  }

  #describe(end: PipeEnd): ObjectMail & PipeMail {
    const { pipe } = end;
    const others = end.ring === undefined ? pipe.writers : pipe.readers;
    const rings = end.ring === undefined ? pipe.rings : [end.ring];
    return {
      object: "pipe",
      id: end.id,
      end: end.ring === undefined ? "read" : "write",
      rings: rings.map((ring) => ring.memory),
      peers: [...others.values()].flatMap(({ holder }) =>
        holder.endpoint === undefined ? [] : [holder.endpoint.bell.memory],
      ),
    };
  }

  /** Tells everybody at the pipe who is there now. */
  #update(pipe: Pipe, except?: PipeEnd): void {
    for (const end of [...pipe.readers.values(), ...pipe.writers.values()]) {
      if (end !== except) end.holder.mail({ kind: "pipe", pipe: this.#describe(end) });
    }
  }

  /** One end is closed. Closing what is not there does nothing. */
  close(id: number, owner: Process): void {
    const end = this.#ends.get(id);
    if (end === undefined || end.holder !== owner) return;
    this.#ends.delete(id);
    const { pipe } = end;
    pipe.readers.delete(id);
    pipe.writers.delete(id);
    end.ring?.setGone(WRITER_GONE);
    if (pipe.readers.size === 0) for (const ring of pipe.rings) ring.setGone(READERS_GONE);
    // The rings of writers that are gone are kept only as long as they hold bytes.
    pipe.rings = pipe.rings.filter((ring) => (ring.gone & WRITER_GONE) === 0 || ring.filled > 0);
    if (pipe.rings.length === 0 && end.ring !== undefined) pipe.rings = [end.ring];
    this.#update(pipe);
  }

  /** Closes all ends of a dead process. */
  drop(holder: Process): void {
    for (const end of [...this.#ends.values()])
      if (end.holder === holder) this.close(end.id, holder);
  }
}
