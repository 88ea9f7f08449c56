/*
 * The mailbox between the board thread and its I/O threads: one piece of shared memory with
 * requests in slots. The board fills a slot, puts its number into the ring and rings the bell; the
 * first I/O thread to claim the ring entry does the work and marks the slot finished.
 */
import { type Field, layout } from "../../ipc/layout.js";

/** Requests that can be under way at once: slots, and entries of the ring. A power of two. */
export const SLOT_COUNT = 64;

/** What all requests share. Each cell is written by the side named here. */
export const HEADER = layout("IoHeader", 24, {
  bell: [0, "i32"], //      board: goes up with every request and at the end; I/O threads wait on it
  submitted: [4, "i32"], // board: ring entries published
  claimed: [8, "i32"], //   I/O threads: ring entries taken, by compare-and-exchange
  finished: [12, "i32"], // I/O threads: slots finished; the board waits on it
  mail: [16, "i32"], //     board: messages posted to each thread (buffers to remember or forget)
  stopping: [20, "i32"], // board: 1 when the threads shall end
});

/** One request. The board writes all but `state` and `result` before it publishes the slot. */
export const SLOT = layout("IoSlot", 48, {
  state: [0, "i32"], //     FREE → BUSY by the board, BUSY → FINISHED by the I/O thread
  operation: [4, "i32"],
  fd: [8, "i32"],
  buffer: [12, "i32"], //   number of the shared buffer
  byteOffset: [16, "f64"], // in the buffer
  length: [24, "f64"],
  position: [32, "f64"], // in the file
  result: [40, "i32"], //   0 or a positive errno
  reserved: [44, "i32"],
});

export const STATE = { FREE: 0, BUSY: 1, FINISHED: 2 } as const;
export const OPERATION = { READ: 0, WRITE: 1, ZERO: 2, FLUSH: 3 } as const;
export type Operation = (typeof OPERATION)[keyof typeof OPERATION];

/** A buffer to remember under a number, or, without `buffer`, to forget. */
export interface BufferMail {
  id: number;
  buffer?: SharedArrayBuffer;
}

const RING_WORD = HEADER.WORDS;
const SLOTS_WORD = RING_WORD + SLOT_COUNT;

/** Allocates a mailbox. */
export function allocateMailbox(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * SLOTS_WORD + SLOT_COUNT * SLOT.SIZE);
}

/** A view of a mailbox for either side. */
export class Mailbox {
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly #doubles: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
  }

  /** Cell of the ring entry with sequence number `sequence`. */
  ringCell(sequence: number): number {
    return RING_WORD + (sequence & (SLOT_COUNT - 1));
  }

  /** Cell of a 32-bit field of a slot. */
  cell(slot: number, field: Field): number {
    return SLOTS_WORD + slot * SLOT.WORDS + field.word;
  }

  getDouble(slot: number, field: Field): number {
    return this.#doubles[SLOTS_WORD / 2 + slot * SLOT.DOUBLES + field.double] as number;
  }

  setDouble(slot: number, field: Field, value: number): void {
    this.#doubles[SLOTS_WORD / 2 + slot * SLOT.DOUBLES + field.double] = value;
  }
}
