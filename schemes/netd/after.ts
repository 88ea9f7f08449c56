/** Goes on with a value that is there, or that will be: a plain value costs no microtask. */

import type { Awaitable } from "../../ipc/scheme.js";

export function after<T, U>(value: Awaitable<T>, step: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then((it) => step(it)) : step(value);
}
