/** A crash-isolation test: the daemon dies at every point of a request, and nobody notices. */

import type { File } from "anode-os";
import { bootForTest, type TestMachine } from "anode-os/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

const TODAY = "sunny, 21 °C\n";
const READERS = 8;
let os: TestMachine;

beforeEach(async () => {
  os = await bootForTest();
  await os.load(new URL("./", import.meta.url));
});

afterEach(async () => {
  await os.close();
});

/** Reads one file over and over until `over`. Returns how many reads there were. */
async function readUntil(file: File, over: () => boolean): Promise<number> {
  let reads = 0;
  for (let last = false; !last; reads++) {
    last = over();
    const bytes = new Uint8Array(64);
    const count = await file.read(bytes, 0);
    expect(Buffer.from(bytes.subarray(0, count)).toString()).toBe(TODAY);
  }
  return reads;
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
    const opening = Array.from({ length: READERS }, () => os.open("weather:/today"));
    const files = await Promise.all(opening);
    let over = false;
    const readers = files.map((file) => readUntil(file, () => over));
    // The death is ordered while the readers are at work, and they go on until it is over.
    const death = await os.killAt("weather", point, { nth: 5, seed: 7 });
    over = true;
    expect(death.recoveredMs).toBeGreaterThan(0);
    for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(1);
    // The files were open before the death, and were read after it.
    for (const file of files) await file.close();
    await os.expectNoLeaks();
  });
}
