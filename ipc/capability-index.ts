/**
 * The name of a capability in requests, and what stands in its rights cell. Both carry the
 * generation of the slot, so that what is left over from a revoked capability never fits the next
 * one that stands in its place.
 */

import { CAPABILITIES_PER_PROVIDER_MAX } from "./limits.js";

/** Slots of one provider; a power of two. Slot 0 is never given out. */
export const SLOTS_MAX = CAPABILITIES_PER_PROVIDER_MAX;
/*
 * BITS    OF AN INDEX                       BITS    OF A CELL
 *  0..12   slot                              0..7    rights; 0: no capability
 * 13..30   generation of the slot            8..25   generation of the slot
 */
const SLOT_BITS = Math.log2(SLOTS_MAX);
const RIGHTS_BITS = 8;
const RIGHTS_MASK = (1 << RIGHTS_BITS) - 1;
/** An index stays positive in 32 bits. */
const GENERATION_MASK = 2 ** (31 - SLOT_BITS) - 1;

/** The index of the capability in a slot's `generation`. */
export function indexOf(slot: number, generation: number): number {
  return slot | ((generation & GENERATION_MASK) << SLOT_BITS);
}

/** The slot of an index; any 32-bit number has one. */
export function slotOf(index: number): number {
  return index & (SLOTS_MAX - 1);
}

/** What stands in the cell of a live capability. */
export function cellOf(index: number, rights: number): number {
  return ((index >>> SLOT_BITS) << RIGHTS_BITS) | (rights & RIGHTS_MASK);
}

/** Rights that a cell gives to an index: 0 when it was revoked, whoever stands there now. */
export function rightsIn(cell: number, index: number): number {
  return cell >>> RIGHTS_BITS === index >>> SLOT_BITS ? cell & RIGHTS_MASK : 0;
}
