/**
 * Attempts to get out of a confined daemon, each of which must find nothing, and the modules that
 * must not load. What the attempts are given is as much as any confined code could have.
 */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import type { File } from "../../user/file.js";
import { ATTEMPTS } from "./attempts.js";

let os: TestMachine;
let file: File;

beforeAll(async () => {
  os = await bootForTest({ omit: ["virtio-blkd", "rand"] });
  await os.load(new URL("../fixtures/escapee/", import.meta.url));
  file = await os.open("escapee:/", { mode: "read-write" });
  // The handlers' arguments are kept for the attempts.
  await file.read(Buffer.alloc(64), 0);
  await file.write(Buffer.alloc(64), 0);
});

afterAll(async () => {
  await os.close();
});

async function deaths(name: string): Promise<number> {
  return (await os.processes()).find((process) => process.name === name)?.restarts ?? -1;
}

describe("confined code does not get out", () => {
  for (const [name, source] of Object.entries(ATTEMPTS)) {
    it(`${name}: nothing is found`, async () => {
      expect(await file.call({ source })).toBe("");
    });
  }

  it("the search for power finds it where it is", async () => {
    const planted = `
      const shared = { toString() { return "x"; }, [Symbol.toStringTag]: "SharedArrayBuffer" };
      return [{ a: { process: 1 } }, [() => shared], { shared }].map((one) => given.power(one));`;
    expect(await file.call({ source: planted })).toBe("0.a.process,,0.shared is SharedArrayBuffer");
  });

  it("after all of that the daemon has not died, and its memory was its own", async () => {
    expect(await deaths("escapee")).toBe(0);
    const bytes = Buffer.alloc(64);
    expect(await file.read(bytes, 0)).toBe(64);
    expect([...bytes].every((byte) => byte === 7)).toBe(true);
  });
});

describe("modules that confined code must not have", () => {
  const above = mkdtempSync(join(tmpdir(), "anode-confined-"));
  const folder = join(above, "bad");
  mkdirSync(folder);
  writeFileSync(join(above, "outside.js"), "export const a = 1;");
  mkdirSync(join(folder, "folder.js"));
  symlinkSync(join(above, "outside.js"), join(folder, "link.js"));
  afterAll(() => {
    rmSync(above, { recursive: true, force: true });
  });
  const manifest = { name: "bad", version: "1.0.0", abi: "^1.0", entry: "./main.js" };
  const refused: Readonly<Record<string, [string, RegExp]>> = {
    "a module of Node": ['import "node:fs";', /main\.js.*none of Node's modules/],
    "a module of Node by its bare name": ['import fs from "fs";', /only relative paths/],
    "a package": ['import "vitest";', /only relative paths/],
    "a name that every object has": ['import "constructor";', /only relative paths/],
    "a file outside of its folder": ['import "../outside.js";', /leads out of the package/],
    "a link that leads out of its folder": ['import "./link.js";', /leads out of the package/],
    "an absolute URL": ['import "file:///etc/passwd";', /only relative paths/],
    "a data: URL": ['import "data:text/javascript,1";', /only relative paths/],
    "import()": ['const fs = await import("node:fs");', /import\(\) is not there/],
    "import.meta": ["export default import.meta.url;", /import\.meta is not there/],
    "a name that is not exported": [
      'import { nothing } from "anode-os/scheme";',
      /imports "nothing"/,
    ],
    "text that is no JavaScript": ["const a = ;", /main\.js.*Unexpected token/],
    "text that closes the frame of its function": [
      "}); evil(); (async () => {",
      /Unexpected token/,
    ],
    "a return at the top": ["return 1;", /return/],
    "text that is nested without end": ["[".repeat(200_000), /stack space/],
    "text without end": [" ".repeat(5_000_000), /bytes of source/],
    "a folder for a module": ['import "./folder.js";', /no such module/],
  };
  for (const [name, [source, why]] of Object.entries(refused)) {
    it(`${name} is refused with the reason`, async () => {
      writeFileSync(
        join(folder, "anode.json"),
        JSON.stringify({ ...manifest, provides: ["bad"], isolation: "confined" }),
      );
      writeFileSync(join(folder, "main.js"), source);
      const failure = await os.load(pathToFileURL(`${folder}/`)).then(
        () => "loaded",
        (error: Error) => error.message,
      );
      expect(failure).toMatch(why);
    });
  }
});
