/** The error with which a boot fails. */

import { EIO } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";

/** The machine cannot boot; the message says what to do. */
export class BootError extends SysError {
  readonly reason: string;

  constructor(reason: string, hint: string) {
    super(EIO, { operation: "boot", hint });
    this.name = "BootError";
    this.reason = reason;
    this.message = hint;
  }
}
