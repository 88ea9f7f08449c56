/** Answers that other requests' handlers bring about, in a daemon that sleeps on its doorbell. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
  await os.load(new URL("../fixtures/rendezvous/", import.meta.url));
});
afterAll(async () => {
  await os.close();
});

it("a handler that answers at once wakes one that waits: no sleep on a microtask", async () => {
  const waiter = await os.open("rendezvous:/");
  const waker = await os.open("rendezvous:/", { timeoutMs: 10_000 });
  for (let i = 0; i < 50; i++) {
    const read = waiter.read(Buffer.alloc(1));
    while ((await waker.call({})) === 0);
    expect(await read).toBe(0);
  }
}, 10_000);
