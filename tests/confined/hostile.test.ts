/**
 * Confined code that harms: what it answers, throws and does must not harm the gate. Either the
 * request is answered with an error, or the daemon dies like any other and is there again.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import type { File } from "../../user/file.js";

let os: TestMachine;
let file: File;

beforeAll(async () => {
  os = await bootForTest({ omit: ["virtio-blkd", "rand"] });
  await os.load(new URL("../fixtures/escapee/", import.meta.url));
  file = await os.open("escapee:/", { mode: "read-write" });
});

afterAll(async () => {
  await os.close();
});

/** Has the daemon answer its next prepared request in this way. */
async function prepare(answer: string): Promise<void> {
  expect(await file.call({ source: `given.next.answer = () => { ${answer} }; return "";` })).toBe(
    "",
  );
}

async function escapee(): Promise<{ restarts: number; lastDeath?: string }> {
  const found = (await os.processes()).find(({ name }) => name === "escapee");
  return found ?? { restarts: -1 };
}

/** Reads once: the daemon is there and does what it should. */
async function expectServed(): Promise<void> {
  const bytes = Buffer.alloc(64);
  expect(await file.read(bytes, 0)).toBe(64);
  expect(bytes.every((byte) => byte === 7)).toBe(true);
}

describe("answers that lie", () => {
  const counts: Readonly<Record<string, string>> = {
    "more than was asked for": "return 65;",
    "a negative count": "return -5;",
    "not a number": "return NaN;",
    infinity: "return Infinity;",
    "a count in a string": 'return "64";',
    "an object with valueOf": "return { valueOf() { return 64; } };",
    "a thenable": "return { then(resolve) { resolve(64); resolve(65); } };",
    "a proxy": "return new Proxy({}, { get() { throw 1; }, has() { throw 2; } });",
    "a promise of a proxy": "return Promise.resolve(new Proxy(() => 1, {}));",
    "a rejection with an errno": 'return Promise.reject({ errno: 5, code: "EIO" });',
    "an answer through the bridge as well": "return 65;",
  };
  for (const [name, answer] of Object.entries(counts)) {
    it(`read: ${name} is an error, and the next read is right`, async () => {
      const { restarts } = await escapee();
      await prepare(answer);
      await expect(file.read(Buffer.alloc(64), 0)).rejects.toMatchObject({ code: "EIO" });
      await expectServed();
      expect((await escapee()).restarts).toBe(restarts);
    });
  }

  it("a promise whose then is its own answers once", async () => {
    await prepare(`
      class Odd extends Promise { then(yes, no) { yes(5); yes(6); no(7); return this; } }
      return new Odd(() => 0);`);
    expect(await file.read(Buffer.alloc(64), 0)).toBe(5);
    await expectServed();
  });

  const bodies: Readonly<Record<string, string>> = {
    "getters that throw": "return { get kind() { throw { errno: 13, code: 'EACCES' }; } };",
    "functions and symbols": "return { kind: () => 1, size: Symbol('x') };",
    "a proxy of a proxy": "return new Proxy(new Proxy({ kind: 1 }, {}), {});",
    "more than fits": "return { kind: 'x'.repeat(70000) };",
    "a toJSON of its own": "return { toJSON() { return globalThis; } };",
  };
  for (const [name, answer] of Object.entries(bodies)) {
    it(`stat: ${name} end with the request`, async () => {
      await prepare(answer);
      const stat = await file.stat().catch((error: { code: string }) => error.code);
      expect(["object", "string"]).toContain(typeof stat);
      await expectServed();
    });
  }

  const identities = [
    "{ object: 5, generation: 1 }",
    "{ object: 'x', generation: 'y' }",
    "{ object: 'x'.repeat(2000), generation: 1 }",
    "{ object: 'x', generation: 1, base: -1 }",
    "new Proxy({}, {})",
  ];
  for (const identity of identities) {
    it(`open: the identity ${identity} is refused`, async () => {
      const opened = `[Symbol.for("anode.opened")]: true, handle: 1, positioned: true`;
      await prepare(`return { ${opened}, identity: ${identity} };`);
      await expect(os.open("escapee:/prepared")).rejects.toMatchObject({ code: "EIO" });
      await expectServed();
    });
  }

  it("open: no identity leads to an object of the kernel", async () => {
    const opened = `[Symbol.for("anode.opened")]: true, handle: 1, positioned: true`;
    await prepare(`return { ${opened}, identity: { object: "x", generation: 1, local: 1 } };`);
    await using made = await os.open("escapee:/prepared");
    expect(await made.read(Buffer.alloc(8), 0)).toBe(8);
  });

  it("what one client wrote does not come out of a read that fills nothing", async () => {
    await file.write(Buffer.alloc(64, 42), 0);
    await file.call({ source: 'given.next.unfilled = true; return "";' });
    const bytes = Buffer.alloc(64, 1);
    expect(await file.read(bytes, 0)).toBe(64);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    await expectServed();
  });

  it("answers to requests of others and to none are dropped", async () => {
    const forged = `
      for (let request = 0; request < 500; request++) {
        given.bridge.answer(request, 3, undefined, true);
        given.bridge.answer(request, 3, Uint8Array.of(0xc1), true);
      }
      return "";`;
    // Its own request is among them: that answer comes first.
    await file.call({ source: forged }).catch(() => undefined);
    await expectServed();
  });
});

describe("deaths of confined code", () => {
  const thrown: Readonly<Record<string, [string, RegExp]>> = {
    "an error": ["throw new RangeError('as ordered');", /RangeError: as ordered/],
    "a proxy that throws from every trap": [
      "throw new Proxy({}, new Proxy({}, { get() { throw 1; } }));",
      /threw/,
    ],
    "an object whose fields throw": [
      "throw { get stack() { throw 1; }, get errno() { throw 2; }, toString() { throw 3; } };",
      /./,
    ],
    "an error with a stack of its own": [
      "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1; } });" +
        "throw e;",
      /./,
    ],
    "an object that Node would inspect": [
      "throw { [Symbol.for('nodejs.util.inspect.custom')](...all) { globalThis.seen = all; } };",
      /threw/,
    ],
    "a symbol": ["throw Symbol('s');", /Symbol\(s\)/],
    "an endless text": ["throw new Error('x'.repeat(2 ** 24));", /xxxx/],
    "a rejection that nobody awaits": [
      "Promise.reject(new Proxy({}, { get() { throw 1; } })); return new Promise(() => 0);",
      /cannot be shown/,
    ],
    "a timer that throws": [
      "setTimeout(() => { throw new Error('late'); }, 0); return new Promise(() => 0);",
      /late/,
    ],
    "words of its own": ["given.bridge.die('goodbye'); return 0;", /goodbye/],
  };
  for (const [name, [answer, words]] of Object.entries(thrown)) {
    it(`${name}: the daemon dies with words, and the read is served by the next`, async () => {
      const { restarts } = await escapee();
      await prepare(answer);
      await expectServed();
      const after = await escapee();
      expect(after.restarts).toBe(restarts + 1);
      expect(after.lastDeath).toMatch(words);
    });
  }

  it("an endless loop is ended, and nobody else has waited", async () => {
    await prepare("for (;;);");
    const [read] = await Promise.all([
      file.read(Buffer.alloc(64), 0),
      (async () => {
        await using zero = await os.open("zero:/");
        expect(await zero.read(Buffer.alloc(8))).toBe(8);
      })(),
    ]);
    expect(read).toBe(64);
    expect((await escapee()).lastDeath).toMatch(/hung/);
  });

  it("a loop of microtasks is ended, too", async () => {
    await prepare("const spin = () => { Promise.resolve().then(spin); }; spin(); return 5;");
    await file.read(Buffer.alloc(64), 0);
    await expectServed();
  });

  const words = ["open", "answer", "log", "now", "encodeText", "setTimer", "take", "syscall"];
  for (const name of words) {
    it(`a stack that overflows in ${name}: the daemon dies or goes on, and serves`, async () => {
      const overflow = `
        const bytes = Uint8Array.of(0x80);
        const works = {
          open: (b) => b.open("zero:/", 1, "", 0), answer: (b) => b.answer(1, 1, bytes, true),
          log: (b) => b.log("deep"), now: (b) => b.now(), encodeText: (b) => b.encodeText("deep"),
          setTimer: (b) => b.setTimer(1, false), take: (b) => b.take(1, bytes),
          syscall: (b) => b.syscall("processes", bytes),
        };
        const work = works.${name};
        let tried = 0;
        const deep = () => {
          try { deep(); } catch { /* As deep as it gets: from here upwards. */ }
          if (tried++ < 300) try { work(given.bridge); } catch {}
        };
        deep();
        return "";`;
      await file.call({ source: overflow }).catch(() => undefined);
      await expectServed();
      await using zero = await os.open("zero:/");
      expect(await zero.read(Buffer.alloc(8))).toBe(8);
    });
  }
});
