/**
 * The sleeping handshake as a thread does it: announce, look again, park. `looksAgain` false is the
 * canary: a sleeper that trusts its first look. Shared by the two sides of doorbell.test.ts.
 */

import type { ClientChannel, Flight } from "../../ipc/client-channel.js";
import type { Doorbell } from "../../ipc/doorbell.js";
import type { ProviderChannel } from "../../ipc/provider-channel.js";

/** One side of a channel that can sleep. */
export type Side = Pick<ClientChannel | ProviderChannel, "ready" | "setSleeping">;

/** Sleeps until `side` is ready. Returns false when nobody rang within the time. */
export function sleepUntilReady(
  side: Side,
  bell: Doorbell,
  how: { looksAgain: boolean; timeoutMs: number; between?: () => void },
): boolean {
  const endMs = performance.now() + how.timeoutMs;
  while (!side.ready()) {
    const count = bell.count();
    how.between?.();
    side.setSleeping(true);
    if (!how.looksAgain || !side.ready()) bell.park(count, endMs - performance.now());
    side.setSleeping(false);
    if (performance.now() >= endMs) return false;
  }
  return true;
}

/** A request that only wants to know that it was answered. */
export function flight(landed: (result: number, flags: number) => void = () => {}): Flight {
  return { landed, arenaOffset: 0, arenaLength: 0, sqIndex: 0, tag: 0 };
}
