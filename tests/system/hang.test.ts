/** A daemon that hangs delays only those who talk to it, and is back soon. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
});
afterAll(async () => {
  await os.close();
});

it("a hung daemon delays nobody but its own clients", async () => {
  const zero = await os.open("zero:/");
  const rand = await os.open("rand:/");
  const back = os.hang("zero");
  let answered = false;
  const stuck = zero.read(Buffer.alloc(16)).then(() => {
    answered = true;
  });
  for (let i = 0; i < 50; i++) {
    expect(await rand.read(Buffer.alloc(16))).toBe(16);
    const fresh = await os.open("rand:/");
    await fresh.close();
  }
  expect(answered).toBe(false);
  const death = await back;
  expect(death.trace.find(({ event }) => event === "detect")?.detail?.["by"]).toBe("watchdog");
  await stuck;
});

it("the resolver does not wait for a daemon that never answers an open", async () => {
  const back = os.hang("rand");
  const opening = os.open("rand:/");
  const other = await os.open("zero:/");
  expect(await other.read(Buffer.alloc(8))).toBe(8);
  await back;
  await (await opening).close();
});
