/** docs/capability-tests.md lists exactly the counterparts that there are. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ROOT } from "../docs/blocks.js";
import { SEL4, ZIRCON } from "./catalogue.js";
import { capabilityTestsPage } from "./document.js";

test("capability-tests.md: is current (npm run capability-tests makes it anew)", () => {
  const written = readFileSync(`${ROOT}docs/capability-tests.md`, "utf8");
  expect(written).toBe(capabilityTestsPage());
});

test("capability-tests.md: every counterpart has a name of its own", () => {
  for (const list of [SEL4, ZIRCON]) {
    expect(new Set(list.map(({ of }) => of)).size).toBe(list.length);
  }
  expect(SEL4.length).toBeGreaterThanOrEqual(60);
  expect(ZIRCON.length).toBeGreaterThanOrEqual(80);
});
