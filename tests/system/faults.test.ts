/** Daemons that misbehave: what their clients see, and that the machine goes on. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { EVENT_ERROR, EVENT_HANGUP, EVENT_READ, EVENT_RESET } from "../../ipc/scheme.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
  await os.load(new URL("../fixtures/faulty/", import.meta.url));
});
afterAll(async () => {
  await os.close();
});

interface Failure {
  code: string;
  outcome?: string;
  incarnation?: { old: number; now: number };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    return error as Failure;
  }
  return { code: "no error" };
}

/** Reads from `faulty:/how`. */
async function read(how: string): Promise<Failure> {
  const file = await os.open(`faulty:/${how}`);
  const failure = await failureOf(file.read(Buffer.alloc(16)));
  await file.close();
  return failure;
}

describe("a daemon that ends in the middle of a request", () => {
  for (const how of ["throw", "throw-undefined", "reject", "exit", "overflow"]) {
    it(`${how}: the request, which may not be repeated, ends with EOWNERDEAD`, async () => {
      const failure = await read(how);
      expect(failure.code).toBe("EOWNERDEAD");
      expect(failure.outcome).toBe("unknown");
      expect(failure.incarnation?.now).toBe((failure.incarnation?.old ?? 0) + 1);
      expect((await read("well")).code).toBe("no error");
    }, 20_000);
  }
});

describe("answers that are wrong", () => {
  for (const how of ["too-much", "negative", "fraction"]) {
    it(`${how}: the client gets EIO and no bytes`, async () => {
      expect((await read(how)).code).toBe("EIO");
    });
  }

  it("an errno that a handler throws is the client's answer, and nobody dies", async () => {
    const before = await incarnation();
    expect((await read("errno")).code).toBe("EAGAIN");
    expect(await incarnation()).toBe(before);
  });
});

async function incarnation(): Promise<number> {
  return (await os.processes()).find(({ name }) => name === "faulty")?.incarnation ?? 0;
}

describe("waiting, cancelling, deadlines", () => {
  it("a request with a time-out ends with ETIMEDOUT, whatever the daemon does", async () => {
    const file = await os.open("faulty:/park", { timeoutMs: 30 });
    const failure = await failureOf(file.read(Buffer.alloc(16)));
    expect(failure.code).toBe("ETIMEDOUT");
    expect(failure.outcome).toBe("unknown");
    // The late completion was dropped by its tag: the channel still works.
    expect((await read("well")).code).toBe("no error");
  });
});

describe("poison and events", () => {
  it("a request that kills its daemon twice is not tried a third time", async () => {
    const file = await os.open("faulty:/positioned-well");
    expect(await file.read(Buffer.alloc(8))).toBe(8);
    await os.load(new URL("../fixtures/poisoned/", import.meta.url));
    const poison = await os.open("poisoned:/");
    const failure = await failureOf(poison.read(Buffer.alloc(8), 666));
    expect(failure.code).toBe("EIO");
    expect(failure.outcome).toBe("poison");
    expect(await poison.read(Buffer.alloc(8), 0)).toBe(8);
    const log = await os.open("sys:/faults");
    expect((await log.readAll()).toString()).toMatch(
      /poisoned poison client="host" operation="read" url="poisoned:\/" offset=666/,
    );
    await log.close();
  });

  it("event: tells of readiness, of a death, and of a session that was lost", async () => {
    await using queue = await os.events();
    const file = await os.open("ram:/watched", { mode: "write" });
    await queue.watch(file, EVENT_READ);
    const [ready] = await queue.next();
    expect(ready?.file).toBe(file);
    expect((ready?.events ?? 0) & EVENT_READ).toBe(EVENT_READ);
    const death = os.killAt("ram", "dequeued");
    const failure = failureOf(file.stat());
    let events = 0;
    while ((events & EVENT_RESET) === 0) {
      for (const told of await queue.next()) events |= told.events;
    }
    expect(events & EVENT_ERROR).toBe(EVENT_ERROR);
    await death;
    expect((await failure).code).toBe("ESTALE");
  });

  it("of many requests at work only the one that kills is poison", async () => {
    const files = await Promise.all(Array.from({ length: 3 }, () => os.open("poisoned:/later")));
    const offsets = [0, 8, 666, 16, 24];
    const ends = await Promise.all(
      files.flatMap((file, at) =>
        offsets
          .filter((offset) => offset !== 666 || at === 1)
          .map(async (offset) => {
            const end = await file.read(Buffer.alloc(8), offset).catch((error: unknown) => error);
            return { offset, end };
          }),
      ),
    );
    for (const { offset, end } of ends) {
      if (offset === 666) expect(end).toMatchObject({ code: "EIO", outcome: "poison" });
      else expect(end, `offset ${offset}`).toBe(8);
    }
  });

  it("a daemon that dies again and again is given up: ENODEV, and a hang-up event", async () => {
    const file = await os.open("faulty:/well");
    await using queue = await os.events();
    await queue.watch(file, 0x7fffffff).catch(() => undefined);
    for (let i = 0; i < 8; i++) await read("throw").catch(() => undefined);
    let events = 0;
    while ((events & EVENT_HANGUP) === 0) {
      for (const told of await queue.next()) events |= told.events;
    }
    expect((await failureOf(file.read(Buffer.alloc(8)))).code).toBe("ENODEV");
    expect((await failureOf(os.open("faulty:/well"))).code).toBe("ENODEV");
    await file.close();
  }, 20_000);
});
