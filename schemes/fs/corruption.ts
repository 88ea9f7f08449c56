/** What a reader sees when the disk holds something that RedoxFS cannot have written. */

import { EIO } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";

/** Makes the error for `what` (a whole phrase), and the block where it was found, if known. */
export function corrupt(what: string, block?: number): SysError {
  const where = block === undefined ? "" : `block ${block}: `;
  return new SysError(EIO, { operation: "redoxfs", hint: `${where}${what}` });
}
