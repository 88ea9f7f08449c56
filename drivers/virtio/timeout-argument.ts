/** The one argument that all virtio drivers take in their manifest: `timeout-ms=NUMBER`. */

import { EINVAL } from "../../ipc/errno.js";

const TIMEOUT_ARGUMENT = /^timeout-ms=(\d{1,7})$/;

/** Reads a driver's arguments. @throws EINVAL */
export function timeoutArgument(args: readonly string[]): { timeoutMs?: number } {
  const [argument, ...more] = args;
  if (argument === undefined) return {};
  const [, digits] = TIMEOUT_ARGUMENT.exec(argument) ?? [];
  if (digits === undefined || Number(digits) === 0 || more.length > 0) throw EINVAL;
  return { timeoutMs: Number(digits) };
}
