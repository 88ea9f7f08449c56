/** Submission and completion entries: what lies in the ring, and their private copies. */

import { layout } from "./layout.js";

/*
 * OFFSET SIZE MEANING
 *  0     4    tag: slot of the in-flight table and its generation; the completion carries it back
 *  4     1    opcode (opcode.ts)
 *  5     1    flags: SQE_REPLAY, SQE_NONBLOCK, SQE_ONEWAY, SQE_SUSPECT
 *  6     2    reply slot, for `dedup`
 *  8     4    handle at the provider
 * 12     4    capability, for operations that name a path
 * 16     8    arena offset and length of the payload
 * 24     8    file offset in bytes; -1: append
 * 32     8    deadline in milliseconds of the machine's clock; 0: none
 * 40     8    arg0: size, cursor, value
 * 48     8    arg1, arg2
 * 56     4    sequence in the slot, for `dedup`; 0: none
 * 60     4    incarnation of the provider that the client believes in
 */
export const SQE = layout("Sqe", 64, {
  tag: [0, "u32"],
  opcode: [4, "u8"],
  flags: [5, "u8"],
  slot: [6, "u16"],
  handle: [8, "u32"],
  capability: [12, "u32"],
  arenaOffset: [16, "u32"],
  arenaLength: [20, "u32"],
  offset: [24, "f64"],
  deadlineMs: [32, "f64"],
  arg0: [40, "f64"],
  arg1: [48, "i32"],
  arg2: [52, "i32"],
  sequence: [56, "u32"],
  incarnation: [60, "u32"],
});

/** The request was in flight when an earlier incarnation died. */
export const SQE_REPLAY = 1;
export const SQE_NONBLOCK = 2;
/** No completion follows. */
export const SQE_ONEWAY = 4;
/** With SQE_REPLAY: it was in flight at a death that nobody ordered; it may be the cause. */
export const SQE_SUSPECT = 8;

/*
 * OFFSET SIZE MEANING
 *  0     4    tag of the request
 *  4     4    flags: CQE_POSITIONED, and the length of a returned body in the upper 24 bits
 *  8     8    result: >= 0, or -errno
 */
export const CQE = layout("Cqe", 16, {
  tag: [0, "u32"],
  flags: [4, "u32"],
  result: [8, "f64"],
});

/** The handle just opened has explicit offsets. */
export const CQE_POSITIONED = 1;
/** Result bits of a body's length. */
export const CQE_BODY_SHIFT = 8;

/** A private copy of a submission entry. One is reused for all: take what must last out of it. */
export interface Sqe {
  tag: number;
  opcode: number;
  flags: number;
  slot: number;
  handle: number;
  capability: number;
  arenaOffset: number;
  arenaLength: number;
  offset: number;
  deadlineMs: number;
  arg0: number;
  arg1: number;
  arg2: number;
  sequence: number;
  incarnation: number;
}

/** Makes an empty entry. */
export function emptySqe(): Sqe {
  return {
    tag: 0,
    opcode: 0,
    flags: 0,
    slot: 0,
    handle: 0,
    capability: 0,
    arenaOffset: 0,
    arenaLength: 0,
    offset: 0,
    deadlineMs: 0,
    arg0: 0,
    arg1: 0,
    arg2: 0,
    sequence: 0,
    incarnation: 0,
  };
}

/** Writes `sqe` at byte `at` (a multiple of 64). */
export function writeSqe(words: Int32Array, doubles: Float64Array, at: number, sqe: Sqe): void {
  const word = at >> 2;
  const double = at >> 3;
  words[word + SQE.tag.word] = sqe.tag;
  words[word + SQE.opcode.word] = sqe.opcode | (sqe.flags << 8) | (sqe.slot << 16);
  words[word + SQE.handle.word] = sqe.handle;
  words[word + SQE.capability.word] = sqe.capability;
  words[word + SQE.arenaOffset.word] = sqe.arenaOffset;
  words[word + SQE.arenaLength.word] = sqe.arenaLength;
  doubles[double + SQE.offset.double] = sqe.offset;
  doubles[double + SQE.deadlineMs.double] = sqe.deadlineMs;
  doubles[double + SQE.arg0.double] = sqe.arg0;
  words[word + SQE.arg1.word] = sqe.arg1;
  words[word + SQE.arg2.word] = sqe.arg2;
  words[word + SQE.sequence.word] = sqe.sequence;
  words[word + SQE.incarnation.word] = sqe.incarnation;
}

/** Copies the entry at byte `at` into `sqe`, reading every shared word exactly once. */
export function readSqe(words: Int32Array, doubles: Float64Array, at: number, sqe: Sqe): void {
  const word = at >> 2;
  const double = at >> 3;
  const packed = words[word + SQE.opcode.word] as number;
  sqe.tag = words[word + SQE.tag.word] as number;
  sqe.opcode = packed & 0xff;
  sqe.flags = (packed >>> 8) & 0xff;
  sqe.slot = packed >>> 16;
  sqe.handle = words[word + SQE.handle.word] as number;
  sqe.capability = words[word + SQE.capability.word] as number;
  sqe.arenaOffset = (words[word + SQE.arenaOffset.word] as number) >>> 0;
  sqe.arenaLength = (words[word + SQE.arenaLength.word] as number) >>> 0;
  sqe.offset = doubles[double + SQE.offset.double] as number;
  sqe.deadlineMs = doubles[double + SQE.deadlineMs.double] as number;
  sqe.arg0 = doubles[double + SQE.arg0.double] as number;
  sqe.arg1 = words[word + SQE.arg1.word] as number;
  sqe.arg2 = words[word + SQE.arg2.word] as number;
  sqe.sequence = words[word + SQE.sequence.word] as number;
  sqe.incarnation = words[word + SQE.incarnation.word] as number;
}
