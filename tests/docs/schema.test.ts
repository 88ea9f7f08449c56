/** docs/anode.schema.json is what the kernel's own schema says. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { manifestJsonSchema } from "../../kernel/manifest-schema.js";
import { ROOT } from "./blocks.js";

test("anode.schema.json: is current (npm run schema makes it anew)", () => {
  const written = JSON.parse(readFileSync(`${ROOT}docs/anode.schema.json`, "utf8")) as unknown;
  expect(written).toEqual(manifestJsonSchema());
});
