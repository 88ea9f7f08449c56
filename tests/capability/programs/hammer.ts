/**
 * A program that reads its first argument without end, and makes its second when it has begun. Its
 * status is the errno that stopped it.
 */

import type { System } from "../../../user/system.js";

export default function main(os: System): number {
  const file = os.open(os.args[0] ?? "ram:/hammer");
  const bytes = Buffer.alloc(16);
  file.read(bytes, 0);
  os.open(os.args[1] ?? "ram:/hammering", { mode: "write" }).close();
  try {
    for (;;) file.read(bytes, 0);
  } catch (error) {
    return (error as { errno: number }).errno;
  }
}
