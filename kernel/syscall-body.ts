/**
 * Checks of system-call bodies. They come from processes, so every field is looked at before it is
 * used; what does not fit is EINVAL. Written out, not generated: the first system calls of a boot
 * must not wait for a schema library to load.
 */

import { EINVAL } from "../ipc/errno.js";

/** A body with named fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws EINVAL when `value` is no map */
export function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw EINVAL;
  return value as Fields;
}

/** A whole number from 0 up. @throws EINVAL */
export function count(body: Fields, name: string): number {
  const value = body[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw EINVAL;
  return value as number;
}

/** Any number. @throws EINVAL */
export function number(body: Fields, name: string): number {
  const value = body[name];
  if (typeof value !== "number") throw EINVAL;
  return value;
}

/** A string of at most `max` UTF-16 units. @throws EINVAL */
export function text(body: Fields, name: string, max = 4096): string {
  const value = body[name];
  if (typeof value !== "string" || value.length > max) throw EINVAL;
  return value;
}

/** As `text`, or undefined when the field is missing. */
export function optionalText(body: Fields, name: string): string | undefined {
  return body[name] === undefined || body[name] === null ? undefined : text(body, name);
}

/** A list of at most `max` items. @throws EINVAL */
export function list(body: Fields, name: string, max: number): unknown[] {
  const value = body[name];
  if (!Array.isArray(value) || value.length > max) throw EINVAL;
  return value;
}
