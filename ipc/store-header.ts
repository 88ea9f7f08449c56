/**
 * The header of a service's store. Its first word is between kernel and store library; the rest of
 * it, and everything behind, is the library's (user/store/).
 *
 * OFFSET SIZE MEANING
 *      0    4 adopting: 1 while an incarnation reads what its predecessor left
 *      4    4 magic: "ANST"; 0 in memory that was never used
 *      8    4 version of the library's layout
 *     12    4 root: unit of the root record; the one word whose store makes a commit
 *     16    4 identity of this store: another one when it was made anew
 *     20   12 reserved
 *     32      units of 32 bytes, numbered from 1
 */

import { layout } from "./layout.js";

/** The header. */
export const STORE_HEADER = layout("StoreHeader", 32, {
  adopting: [0, "i32"],
  magic: [4, "u32"],
  version: [8, "u32"],
  root: [12, "i32"],
  identity: [16, "u32"],
  reserved0: [20, "u32"],
  reserved1: [24, "u32"],
  reserved2: [28, "u32"],
});

/** Word that is 1 while the store is being adopted. */
export const ADOPTING = STORE_HEADER.adopting.word;
