/**
 * The runtime's end of the bridge. The gate lends it two functions under names that are gone before
 * any foreign code runs; they are kept here.
 */

import { ATTACH_NAME, BRIDGE_NAME, type Bridge, type Guest } from "../../ipc/confined.js";

const lent = globalThis as unknown as Record<string, unknown>;
const find = lent[BRIDGE_NAME] as () => Bridge;

/** Hands the runtime's functions to the gate. */
export const attach = lent[ATTACH_NAME] as (guest: Guest) => void;

/** The bridge; there is none before the process has begun. */
export function bridge(): Bridge {
  return find();
}
