/** The version of this package. */

import { readFileSync } from "node:fs";

/** Reads it from `package.json`, two folders above the compiled file. */
export function packageVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
