/*
 * Frames on a byte stream: each after its length as four bytes, big-endian, as QEMU's
 * `-netdev stream` has it. The decoder takes pieces of any size and keeps no more than one frame.
 */
import { FRAME_BYTES_MAX } from "../regs/virtio-net.js";

/** The length in front of each frame. */
const LENGTH_SIZE = 4;

/** A frame with its length in front. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_SIZE + frame.length);
  new DataView(bytes.buffer).setUint32(0, frame.length, false);
  bytes.set(frame, LENGTH_SIZE);
  return bytes;
}

/** Takes a stream apart. */
export class FrameDecoder {
  readonly #head = new Uint8Array(LENGTH_SIZE);
  #headFilled = 0;
  #frame: Uint8Array | undefined;
  #filled = 0;

  /**
   * Feeds the next bytes; calls `arrive` for each frame that is complete. `false`: the stream makes
   * no sense (a length beyond any frame's), and all that follows would not either.
   */
  feed(bytes: Uint8Array, arrive: (frame: Uint8Array) => void): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#frame === undefined) {
        this.#head[this.#headFilled++] = bytes[at++] as number;
        if (this.#headFilled < LENGTH_SIZE) continue;
        this.#headFilled = 0;
        const length = new DataView(this.#head.buffer).getUint32(0, false);
        if (length > FRAME_BYTES_MAX) return false;
        this.#frame = new Uint8Array(length);
        this.#filled = 0;
      }
      const frame: Uint8Array = this.#frame;
      const piece = bytes.subarray(at, at + frame.length - this.#filled);
      frame.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled < frame.length) continue;
      this.#frame = undefined;
      arrive(frame);
    }
    return true;
  }
}
