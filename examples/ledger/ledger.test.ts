/**
 * The ledger under deaths: kills at each point of a request and at random, with several operations
 * in flight, lose no operation and double none.
 */

import { bootForTest, type TestMachine } from "anode-os/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

const CLIENTS = 3;
const IN_FLIGHT = 4;

let os: TestMachine;

beforeEach(async () => {
  os = await bootForTest();
  await os.load(new URL("./", import.meta.url));
});

afterEach(async () => {
  await os.close();
});

/** Adds and appends over and over until `over`; returns how often. */
async function work(name: string, over: () => boolean): Promise<{ adds: number; lines: string[] }> {
  const counter = await os.open("ledger:/counter", { mode: "read-write" });
  const log = await os.open("ledger:/log", { mode: "read-write" });
  let adds = 0;
  const lines: string[] = [];
  while (!over()) {
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async (_, at) => {
        if (at % 2 === 0) {
          await counter.call({ add: 1 });
          adds++;
        } else {
          const line = `${name} ${lines.length} ${at}\n`;
          lines.push(line);
          await log.write(line);
        }
      }),
    );
  }
  await counter.close();
  await log.close();
  return { adds, lines };
}

/** What the ledger holds now. */
async function contents(): Promise<{ counter: number; lines: string[] }> {
  const counter = await os.open("ledger:/counter");
  const log = await os.open("ledger:/log");
  const value = Number((await counter.readAll()).toString());
  const lines = (await log.readAll()).toString().split(/(?<=\n)/);
  await counter.close();
  await log.close();
  return { counter: value, lines };
}

for (const point of ["submitted", "dequeued", "handled", "completed", "random"] as const) {
  test(`ledger: killed at "${point}", nothing is lost and nothing done twice`, async () => {
    let over = false;
    const workers = Array.from({ length: CLIENTS }, (_, at) => work(`client${at}`, () => over));
    for (let death = 0; death < 4; death++) {
      await os.killAt("ledger", point, { nth: 3 + death, seed: 100 + death });
    }
    over = true;
    const done = await Promise.all(workers);
    const { counter, lines } = await contents();
    expect(counter).toBe(done.reduce((sum, { adds }) => sum + adds, 0));
    expect(lines.toSorted()).toEqual(done.flatMap((each) => each.lines).toSorted());
  });
}

test("ledger: handles and contents outlive the daemon", async () => {
  const counter = await os.open("ledger:/counter", { mode: "read-write" });
  expect(await counter.call({ add: 40 })).toBe(40);
  const death = os.killAt("ledger", "handled");
  // It was done and not answered: the new incarnation answers from its store.
  expect(await counter.call({ add: 2 })).toBe(42);
  expect((await death).at).toBe("handled");
  expect((await counter.readAll()).toString()).toBe("42\n");
});
