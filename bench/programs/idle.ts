/** Program: does nothing for a day. */

import type { System } from "../../user/system.js";

const DAY_MS = 86_400_000;

export default function main(os: System): void {
  os.sleep(DAY_MS);
}
