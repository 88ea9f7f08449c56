/**
 * A daemon that tries operations on names with no more than the rights in its own manifest, and
 * says how they ended. Files that it opens it closes at once.
 */

import { EINVAL, errnoOf } from "../../ipc/errno.js";
import type { AsyncSystem } from "../../user/async-system.js";
import { serve, system } from "../../user/scheme.js";

/** What can be tried: an operation of the system, with its arguments. */
export interface Attempt {
  operation: Exclude<keyof AsyncSystem, "stat">;
  args: readonly unknown[];
}

/** What became of it: an errno, or nothing when it succeeded. */
export interface Attempted {
  errno?: number;
}

/** Serves attempts as `call`s. */
export async function serveAttempts(): Promise<void> {
  const os = system();
  await serve({
    open: () => null,
    call: async (_handle, request) => await attempt(os, request as Attempt),
  });
}

async function attempt(os: AsyncSystem, { operation, args }: Attempt): Promise<Attempted> {
  const method = os[operation] as ((...args: unknown[]) => Promise<unknown>) | undefined;
  if (method === undefined) throw EINVAL;
  try {
    const made = await method.apply(os, [...args]);
    if (operation === "open") await (made as { close(): Promise<void> }).close();
    return {};
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    return { errno: errno.errno };
  }
}
