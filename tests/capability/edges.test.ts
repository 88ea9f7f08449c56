/** Calls go only down the order of loading: an upward edge is EDEADLK wherever it would begin. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkOrder, type Package } from "../../kernel/manifest.js";
import { Scene, say } from "./scene.js";
import { Vault } from "./vault.js";

function pack(name: string, needs: Record<string, string>): Package {
  const manifest = {
    ...{ name, version: "1.0.0", abi: "^1.0", entry: "./main.js" },
    ...{ provides: [name], needs },
  };
  return { manifest, base: "file:///" };
}

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.set();
});
afterEach(async () => {
  await scene.world.close();
});

describe("upward edges", () => {
  it("boot: packages in an order that needs what comes later are refused, with both names", () => {
    const low = pack("low", {});
    const high = pack("high", { "low:/": "read", "log:": "write" });
    expect(() => checkOrder([low, high])).not.toThrow();
    expect(() => checkOrder([high, low])).toThrow(/EDEADLK.*high needs what low provides/);
    expect(() => checkOrder([pack("self", { "self:/a": "read" })])).toThrow(/EDEADLK/);
  });

  it("load: a package that needs its own scheme is refused, and leaves nothing", () => {
    const before = scene.world.capabilities.size;
    const make = () => new Vault().scheme();
    const daemon = { name: "self", needs: { "self:/": "read" }, make };
    expect(() => scene.world.addDaemon(daemon)).toThrow(/EDEADLK/);
    expect(() => scene.world.addDaemon({ ...daemon, needs: { "later:/": "read" } })).toThrow(
      /ENODEV/,
    );
    expect(scene.world.capabilities.size).toBe(before);
  });

  it("receiving: a capability that points up is refused, and makes nothing", () => {
    const before = scene.world.capabilities.size;
    expect(() => scene.grant(scene.host, "low", "mid:/", "read")).toThrow("EDEADLK");
    expect(() => scene.grant(scene.host, "mid", "mid:/", "read")).toThrow("EDEADLK");
    expect(() => scene.grant(scene.host, "kernel", "low:/", "read")).toThrow("EDEADLK");
    expect(scene.world.capabilities.size).toBe(before);
    expect(scene.grant(scene.host, "high", "low:/x", "all").index).toBeGreaterThan(0);
  });

  it("opening: a channel that points up is refused, whatever the namespace says", async () => {
    const low = scene.world.kernel.processes.find("low");
    const mid = scene.host.entry("mid");
    if (low === undefined) throw new RangeError("low is gone");
    low.namespace = [...low.namespace, mid];
    expect(say(await scene.world.actor("low").connect(scene.pid("mid")))).toBe("EDEADLK");
    expect(say(await scene.world.actor("mid").connect(scene.low))).toBe("ok");
  });

  it("a stranger's gift adds to a process's names, and never takes away", async () => {
    const giver = await scene.user("all");
    const taker = await scene.user("all");
    const none = await scene.world.program({ names: [{ url: "mid:/", rights: "read" }] });
    // The deepest root wins: one with fewer rights would shut the taker out of what it has.
    expect(() => scene.grant(giver, taker, "low:/a", "read")).toThrow("EEXIST");
    expect(scene.grant(giver, taker, "low:/a", "all").index).toBeGreaterThan(0);
    expect(scene.grant(giver, none, "low:/a", "read").index).toBeGreaterThan(0);
  });
});
