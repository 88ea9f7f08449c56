/**
 * One listener's frames: those that came and were not read yet, bounded, and the reads that wait
 * for the next. A frame goes to one waiting read; the oldest comes first.
 */

/** Frames that wait for a reader, and their bytes; more are dropped. */
const FRAMES_MAX = 256;
const BYTES_MAX = 256 * 1024;

/** The frames of one open handle. */
export class Tap {
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #readers: (() => boolean)[] = [];
  /** Frames that came and found no room. */
  dropped = 0;
  /** Told of each frame that waits. */
  onArrival: (() => void) | undefined;

  /** Frames that wait. */
  get waiting(): number {
    return this.#frames.length;
  }

  /** A frame has come. It is kept as it is: nobody may write to it any more. */
  arrive(frame: Uint8Array): void {
    if (this.#frames.length >= FRAMES_MAX || this.#bytes + frame.length > BYTES_MAX) {
      this.dropped++;
      return;
    }
    this.#frames.push(frame);
    this.#bytes += frame.length;
    // A reader that gave up says `false`: the next one has its turn.
    while (this.#frames.length > 0) {
      const reader = this.#readers.shift();
      if (reader === undefined) break;
      reader();
    }
    if (this.#frames.length > 0) this.onArrival?.();
  }

  /** Copies the oldest frame out; `undefined`: there is none. */
  take(bytes: Uint8Array): number | "too small" | undefined {
    const [frame] = this.#frames;
    if (frame === undefined) return undefined;
    if (frame.length > bytes.length) return "too small";
    this.#frames.shift();
    this.#bytes -= frame.length;
    bytes.set(frame);
    return frame.length;
  }

  /** Calls `then` when a frame has come. Returns how to take that back. */
  whenReadable(then: () => boolean): () => void {
    this.#readers.push(then);
    return () => {
      this.#readers = this.#readers.filter((other) => other !== then);
    };
  }
}
