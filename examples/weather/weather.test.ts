/** A crash-isolation test: the daemon dies at every point of a request, and its clients notice nothing. */

import { bootForTest, type TestMachine } from "anode-os/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

const TODAY = "sunny, 21 °C\n";
const READS = 200;
let os: TestMachine;

beforeEach(async () => {
  os = await bootForTest();
  await os.load(new URL("./", import.meta.url));
});

afterEach(async () => {
  await os.close();
});

/** Reads `weather:/today` over and over on one open file, several reads in flight at a time. */
async function readAndCheck(url: string, expected: string): Promise<void> {
  const file = await os.open(url);
  const whole = Buffer.from(expected);
  const reads = Array.from({ length: READS }, async () => {
    const bytes = new Uint8Array(64);
    const count = await file.read(bytes, 0);
    return Buffer.from(bytes.subarray(0, count));
  });
  for (const bytes of await Promise.all(reads)) expect(bytes).toEqual(whole);
  await file.close();
}

test("weather: today can be read, and what is not there can't", async () => {
  const file = await os.open("weather:/today");
  expect((await file.readAll()).toString()).toBe(TODAY);
  await file.close();
  expect(await os.stat("weather:/tomorrow")).toMatchObject({ kind: "file", size: 13 });
  await expect(os.open("weather:/yesterday")).rejects.toMatchObject({ code: "ENOENT" });
  await expect(os.open("weather:/today", { mode: "write" })).rejects.toMatchObject({
    code: "EACCES",
  });
});

for (const point of ["submitted", "dequeued", "handled", "completed", "random"] as const) {
  test(`weather: killed at "${point}", every read in flight still gets its answer`, async () => {
    const file = await os.open("weather:/today");
    const death = os.killAt("weather", point, { nth: 5, seed: 7 });
    await Promise.all([readAndCheck("weather:/today", TODAY), death]);
    // The handle that was open before the death still leads to the same object.
    expect((await file.readAll()).toString()).toBe(TODAY);
    await file.close();
    await os.expectNoLeaks();
  });
}
