/** Loading daemons: what can be wrong with one, and what the person who wrote it is told. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

const fixture = (name: string): URL => new URL(`../fixtures/${name}/`, import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "anode-load-"));
let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
});
afterAll(async () => {
  await os.close();
  rmSync(folder, { recursive: true });
});

/** Makes a package with this manifest around the callee's code. */
function packageWith(change: Record<string, unknown>): URL {
  const place = mkdtempSync(join(folder, "p-"));
  const manifest = {
    name: "made",
    version: "1.0.0",
    abi: "^1.0",
    entry: "./main.js",
    provides: ["made"],
    ...change,
  };
  writeFileSync(join(place, "anode.json"), JSON.stringify(manifest));
  return pathToFileURL(`${place}/`);
}

describe("load: a clear error for each mistake", () => {
  const mistakes: [what: string, url: () => URL, message: RegExp][] = [
    ["no anode.json", () => pathToFileURL(`${folder}/none/`), /ENOENT.*needs an anode\.json/s],
    ["a field of the wrong type", () => packageWith({ provides: "made" }), /EINVAL.*provides/s],
    ["an unknown field", () => packageWith({ provide: [] }), /EINVAL.*provide/s],
    ["a bad name", () => packageWith({ name: "Made It" }), /EINVAL.*name.*lower-case/s],
    ["an entry outside", () => packageWith({ entry: "/main.js" }), /EINVAL.*entry.*\.\//s],
    ["unknown rights", () => packageWith({ needs: { "ram:": "fly" } }), /EINVAL.*rights/s],
    ["an ABI of the future", () => packageWith({ abi: "^9.0" }), /EINVAL.*abi.*this kernel has 1/s],
    ["an ABI that is none", () => packageWith({ abi: "new" }), /EINVAL.*abi.*range/s],
    ["a scheme that is taken", () => packageWith({ provides: ["zero"] }), /EEXIST.*taken by zero/s],
    ["a need nobody meets", () => packageWith({ needs: { "warp:": "read" } }), /ENODEV.*warp/s],
    ["an entry that is not there", () => packageWith({}), /ENOEXEC.*made.*(Cannot find|ENOENT)/s],
    ["a daemon that throws", () => fixture("broken"), /ENOEXEC.*flux capacitor/s],
    ["a daemon that never serves", () => fixture("silent"), /ENOEXEC.*never got ready/s],
  ];
  for (const [what, url, message] of mistakes) {
    it(`${what} is refused, and says so`, async () => {
      await expect(os.load(url())).rejects.toThrow(message);
    });
  }

  it("anode.json that is not JSON is refused", async () => {
    const place = join(folder, "text");
    mkdirSync(place);
    writeFileSync(join(place, "anode.json"), "name: made");
    await expect(os.load(pathToFileURL(place))).rejects.toThrow(/EINVAL.*not JSON/s);
  });

  it("what was refused leaves nothing behind: the name is free afterwards", async () => {
    await expect(os.load(fixture("broken"))).rejects.toThrow(/ENOEXEC/);
    await expect(os.load(fixture("broken"))).rejects.toThrow(/ENOEXEC/);
    await os.expectNoLeaks();
  });
});

describe("the order of calls", () => {
  it("a daemon may call those before it; a call upwards is EDEADLK", async () => {
    await os.load(fixture("caller"));
    await os.load(fixture("callee"));
    await os.grant("caller", "zero:/", "read");
    // Refused when it is received, not when it is first used.
    await expect(os.grant("caller", "callee:/", "read")).rejects.toThrow(/EDEADLK/);
    const ask = async (scheme: string): Promise<string> => {
      await using file = await os.open(`caller:/${scheme}=`);
      return (await file.readAll()).toString();
    };
    expect(await ask("zero")).toBe("opened");
    expect(await ask("callee")).toBe("ENODEV");
    expect(await ask("ram")).toBe("ENODEV");
  });
});
