/**
 * Pipes: the kernel makes the rings, tells both ends of each other, and says who is gone. The bytes
 * go from process to process. Each writer has a ring of its own, so that no lock is needed.
 */

import { allocateByteRing, ByteRing, READERS_GONE, WRITER_GONE } from "../ipc/byte-ring.js";
import { EMFILE } from "../ipc/errno.js";
import { PIPE_BYTES, PIPE_ENDS_PER_PROCESS_MAX } from "../ipc/limits.js";
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
  /** Name under `pipe:`; undefined for one that a program has made for itself. */
  name: string | undefined;
  readers: Map<number, PipeEnd>;
  writers: Map<number, PipeEnd>;
  /** Opens that wait for the other side, by the end that each is to get. */
  meeting: Map<number, () => void>;
  /** Rings of all writers so far that may still hold bytes. */
  rings: ByteRing[];
}

function newPipe(name: string | undefined): Pipe {
  return { name, readers: new Map(), writers: new Map(), meeting: new Map(), rings: [] };
}

/** All pipes. */
export class Pipes {
  readonly #ends = new Map<number, PipeEnd>();
  readonly #named = new Map<string, Pipe>();
  readonly #nextId: () => number;

  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Makes a pipe whose both ends `holder` has. @throws EMFILE */
  create(holder: Process): { read: number; write: number } {
    if (this.#held(holder) + 2 > PIPE_ENDS_PER_PROCESS_MAX) throw EMFILE;
    const pipe = newPipe(undefined);
    const read = this.#add(pipe, holder, "read");
    const write = this.#add(pipe, holder, "write");
    for (const end of [read, write]) {
      holder.mail({ kind: "object", object: this.#describe(end) });
    }
    return { read: read.id, write: write.id };
  }

  /**
   * Opens one end of a named pipe; the first to open makes it, the last to close ends it. `met`
   * resolves to the end when both sides are there: an open waits for that, as with a FIFO.
   * @throws EMFILE
   */
  open(
    name: string,
    holder: Process,
    side: "read" | "write",
  ): { id: number; met: Promise<ObjectMail> } {
    const pipe = this.#named.get(name) ?? newPipe(name);
    const end = this.#add(pipe, holder, side);
    this.#named.set(name, pipe);
    this.#update(pipe, end);
    // Described when the sides have met: what came in the meantime is in it.
    const met = new Promise<ObjectMail>((resolve) => {
      pipe.meeting.set(end.id, () => {
        resolve(this.#describe(end));
      });
    });
    if (pipe.readers.size > 0 && pipe.writers.size > 0) {
      for (const resolve of pipe.meeting.values()) resolve();
      pipe.meeting.clear();
    }
    return { id: end.id, met };
  }

  /** Names of the pipes that are open. */
  names(): string[] {
    return [...this.#named.keys()];
  }

  #held(holder: Process): number {
    let held = 0;
    for (const end of this.#ends.values()) if (end.holder === holder) held++;
    return held;
  }

  /** @throws EMFILE */
  #add(pipe: Pipe, holder: Process, side: "read" | "write"): PipeEnd {
    if (this.#held(holder) >= PIPE_ENDS_PER_PROCESS_MAX) throw EMFILE;
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
    pipe.meeting.delete(id);
    end.ring?.setGone(WRITER_GONE);
    if (pipe.readers.size === 0) for (const ring of pipe.rings) ring.setGone(READERS_GONE);
    // The rings of writers that are gone are kept only as long as they hold bytes.
    pipe.rings = pipe.rings.filter((ring) => (ring.gone & WRITER_GONE) === 0 || ring.filled > 0);
    if (pipe.rings.length === 0 && end.ring !== undefined) pipe.rings = [end.ring];
    const { name } = pipe;
    if (name !== undefined && pipe.readers.size + pipe.writers.size === 0) this.#named.delete(name);
    this.#update(pipe);
  }

  /** Closes all ends of a dead process. */
  drop(holder: Process): void {
    for (const end of [...this.#ends.values()])
      if (end.holder === holder) this.close(end.id, holder);
  }
}
