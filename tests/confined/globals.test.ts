/**
 * What is in the air. Confined code sees a fixed list of globals on every version of Node. When
 * Node itself grows one, the second test fails: look whether confined code can reach it, then
 * record it in globals.json.
 */

import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { INTRINSICS } from "../../kernel/gate/confined/realm.js";

/** What the runtime adds to the language's own. */
const ADDED = [
  ...["Buffer", "TextDecoder", "TextEncoder", "clearInterval", "clearTimeout", "console"],
  ...["queueMicrotask", "setInterval", "setTimeout"],
];
/** Those that older versions do not have. */
const NEWER: Readonly<Record<string, number>> = { Iterator: 22 };

const major = Number(process.versions.node.split(".")[0]);
const recorded = JSON.parse(
  readFileSync(new URL("./globals.json", import.meta.url), "utf8"),
) as Record<string, string[]>;

describe("globals", () => {
  let os: TestMachine;
  beforeAll(async () => {
    os = await bootForTest({ omit: ["virtio-blkd"] });
    await os.load(new URL("../fixtures/escapee/", import.meta.url));
  });
  afterAll(async () => {
    await os.close();
  });

  it("confined code sees these and no others", async () => {
    const file = await os.open("escapee:/");
    const source = "return Reflect.ownKeys(globalThis).map(String).join(' ')";
    const seen = String(await file.call({ source })).split(" ");
    const known = [...INTRINSICS].filter((name) => (NEWER[name] ?? 0) <= major);
    const symbols = seen.filter((name) => name.startsWith("Symbol("));
    expect(symbols).toEqual(["Symbol(Symbol.unscopables)", "Symbol(anode.gate.1)"]);
    const names = seen.filter((name) => !symbols.includes(name));
    expect(names.sort()).toEqual([...known, ...ADDED].sort());
  });

  it(`Node ${major} has no global that nobody has looked at`, async () => {
    const own = recorded[String(major)];
    expect(own, `globals.json has no list for Node ${major}`).toBeDefined();
    const list = "Object.getOwnPropertyNames(globalThis)";
    const worker = new Worker(`require("node:worker_threads").parentPort.postMessage(${list})`, {
      eval: true,
    });
    const names = await new Promise<string[]>((resolve) => {
      worker.once("message", resolve);
    });
    const known = new Set([...(recorded["all"] ?? []), ...(own ?? [])]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
