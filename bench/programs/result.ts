/** How a program hands its samples to the host: as a file of doubles. */

import type { System } from "../../user/system.js";
import { writeAll } from "../../user/transfer.js";

/** Writes `samples` to `url`. */
export function writeResult(os: System, url: string, samples: Float64Array): void {
  using file = os.open(url, { mode: "write" });
  writeAll(file, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
}
