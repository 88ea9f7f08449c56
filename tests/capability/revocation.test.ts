/**
 * The contract of revocation: what starts after `revoke` has returned is refused, what waits ends
 * with EACCES, nothing brings data; the whole subtree, whoever holds it, across deaths.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { cellOf, indexOf, slotOf } from "../../ipc/capability-index.js";
import { OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ } from "../../ipc/open-flags.js";
import { RIGHTS_ALL } from "../../ipc/rights.js";
import { GateScheme } from "../kernel/gate-scheme.js";
import { Stand, turn } from "../kernel/gate-stand.js";
import { Scene, say } from "./scene.js";

/** The errno symbol with which a promise rejects, or how it resolves. */
async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("revocation: in one thread", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.set();
  });
  afterEach(async () => {
    await scene.world.close();
  });

  it("a request that was published before and is taken after it is refused", async () => {
    const user = await scene.user();
    const { id, index } = scene.narrow(user, "low:/", "read");
    const handle = scene.open(user, "/a", O_READ, index);
    scene.vault.take();
    const sent = user.channels.get(scene.low)?.send({ opcode: OP_READ, handle, room: 64 });
    scene.revoke(user, id);
    await scene.world.settle();
    expect([sent?.results.map((result) => say(result)), sent?.bytes.length]).toEqual([
      ["EACCES"],
      0,
    ]);
    expect(scene.vault.take()).toEqual([]);
  });

  it("a request that is held behind another's ends as well, at once", async () => {
    const user = await scene.user();
    const { id, index } = scene.narrow(user, "low:/", "read write");
    const first = scene.park(user);
    const handle = scene.open(user, "/a/slow", 3, index);
    const ask = { opcode: OP_WRITE, handle, body: "held" };
    const held = user.request(scene.low, ask);
    expect([first.results, held.results]).toEqual([[], []]);
    scene.revoke(user, id);
    await scene.world.settle();
    expect([first.results, held.results.map((result) => say(result))]).toEqual([[], ["EACCES"]]);
    scene.vault.take();
    await scene.release();
    expect(scene.vault.take()).toEqual([]);
  });

  it("what will be refused anyway holds nobody up", async () => {
    const [reader, other] = [await scene.user("read"), await scene.user()];
    scene.park(other);
    const handle = scene.open(reader, "/a/slow", O_READ);
    const ask = { opcode: OP_WRITE, handle, body: "no right" };
    expect(say(reader.result(scene.low, ask))).toBe("EBADF");
  });

  it("an inherited handle ends with the capability that it was opened under", async () => {
    const parent = await scene.user();
    const handle = scene.open(parent);
    const child = await scene.world.program({
      names: [],
      stdio: [scene.reference(parent, handle)],
      by: parent,
    });
    const taken = scene.take(child, scene.inheritedBy(child));
    expect(scene.read(child, taken)).toBe("/a");
    const own = parent.entry("low").capability;
    const id = scene.world.capabilities.find(parent.pid, scene.low, own)?.id ?? 0;
    expect(scene.revoke(scene.host, id)).toBe("ok");
    expect([scene.read(child, taken), scene.read(parent, handle)]).toEqual(["EACCES", "EACCES"]);
  });

  it("a handle cannot be passed on under another capability, to outlive its own", async () => {
    const parent = await scene.user();
    const { id, index } = scene.narrow(parent, "low:/", "all");
    const handle = scene.open(parent, "/a", O_READ, index);
    // Its papers name the capability that stays.
    const stdio = [scene.reference(parent, handle)];
    const child = await scene.world.program({ names: [], stdio, by: parent });
    expect(say(scene.take(child, scene.inheritedBy(child)))).toBe("EBADF");
    scene.revoke(parent, id);
    await scene.world.settle();
    expect(scene.vault.open).toBe(0);
  });

  it("a handle in transit is gone with the capability that it travels under", async () => {
    const parent = await scene.user();
    const handle = scene.open(parent);
    const stdio = [scene.reference(parent, handle)];
    const child = await scene.world.program({ names: [], stdio, by: parent });
    const capability = scene.inheritedBy(child);
    const id = scene.world.capabilities.find(child.pid, scene.low, capability)?.id ?? 0;
    expect(scene.revoke(parent, id)).toBe("ok");
    expect(say(scene.take(child, capability))).toBe("EBADF");
    scene.close(parent, handle);
    expect(scene.vault.open).toBe(0);
  });

  it("a handle in transit is closed when its receiver dies without having taken it", async () => {
    const parent = await scene.user();
    const handle = scene.open(parent);
    const stdio = [scene.reference(parent, handle)];
    const child = await scene.world.program({ names: [], stdio, by: parent });
    scene.close(parent, handle);
    expect(scene.vault.open).toBe(1);
    await scene.world.kill(child.pid);
    expect(scene.vault.open).toBe(0);
  });

  it("a capability that was revoked while its daemon was away stays revoked", async () => {
    const user = await scene.user();
    const { id, index } = scene.narrow(user, "low:/", "read");
    const killed = scene.world.kill("low");
    expect(scene.revoke(user, id)).toBe("ok");
    await killed;
    expect(say(scene.open(user, "/a", O_READ, index))).toBe("EACCES");
    expect(say(scene.open(user))).toBe("ok");
  });

  it("what a daemon has narrowed is taken back when it dies; its names stay", async () => {
    const before = scene.world.capabilities.size;
    const mid = scene.world.actor("mid");
    await mid.connect(scene.low);
    const { index } = scene.narrow(mid, "low:/a", "read");
    const handle = mid.open(scene.low, index, "/a", O_READ);
    expect([say(handle), scene.world.capabilities.size]).toEqual(["ok", before + 1]);
    await scene.world.kill("mid");
    expect([scene.vault.open, scene.world.capabilities.size]).toEqual([0, before]);
    const again = scene.world.actor("mid");
    await again.connect(scene.low);
    expect(say(again.open(scene.low, index, "/a", O_READ))).toBe("EACCES");
    const own = again.entry("low").capability;
    expect(say(again.open(scene.low, own, "/a", O_READ))).toBe("ok");
  });

  it("what a daemon has piped ends with its incarnation, and so for the other end", async () => {
    scene.grant(scene.host, "low", "pipe:/", "all");
    scene.pipe(scene.world.actor("low"));
    expect(scene.world.kernel.pipes.size).toBe(2);
    await scene.world.kill("low");
    expect(scene.world.kernel.pipes.size).toBe(0);
  });

  it("an old handle does not pass on the next capability's cell, heard of or not", async () => {
    const scheme = new GateScheme();
    const stand = new Stand({ x: scheme });
    const client = stand.client(3);
    const index = stand.grant(1, 3);
    const handle = client.open(index);
    scheme.parks.add("write");
    const parked = client.send({ opcode: OP_WRITE, handle, body: "x" });
    client.run();
    // The slot is another's, and the provider has not read its mail yet.
    Atomics.store(stand.cells, slotOf(index), cellOf(indexOf(slotOf(index), 1), RIGHTS_ALL));
    const read = { opcode: OP_READ, handle, room: 8, offset: 100 };
    expect(say(client.ask(read))).toBe("EACCES");
    expect(say(client.open(index))).toBe("EACCES");
    scheme.answer(1);
    await turn();
    client.run();
    expect(parked.results.map((result) => say(result))).toEqual(["EACCES"]);
  });

  it("nobody answers for another that a dead client is drained", async () => {
    const [victim, liar] = [await scene.user(), await scene.user()];
    scene.park(victim);
    const low = scene.world.actor("low");
    // Low does not get to work; meanwhile somebody claims that it has drained, under any number.
    const { kernel } = scene.world;
    const process = kernel.processes.get(victim.pid);
    if (process === undefined) throw new RangeError("the victim is gone");
    kernel.lifecycle.die(process, { ordered: true, clean: false, cause: "killed" });
    for (let drain = 1; drain < 100; drain++) liar.ask("drained", { drain });
    await new Promise((resolve) => setImmediate(resolve));
    expect(low.drains).toEqual([]);
    expect(kernel.processes.get(victim.pid)?.supervised.state.tag).toBe("fenced");
    await scene.world.settle();
    expect(kernel.processes.get(victim.pid)).toBeUndefined();
  });
});

describe("revocation: between threads", () => {
  let os: TestMachine;
  beforeAll(async () => {
    os = await bootForTest();
    await using file = await os.open("ram:/raced", { mode: "write" });
    await file.write("0123456789abcdef");
  });
  afterAll(async () => {
    await os.close();
  });

  it("100 times while requests are on their way: each ends, and none starts after", async () => {
    for (let round = 0; round < 100; round++) {
      const view = await os.narrow("ram:/", "read");
      const file = await view.open("ram:/raced");
      const racing = Array.from({ length: 8 }, () => codeOf(file.read(Buffer.alloc(16), 0)));
      await view.revoke();
      const bytes = Buffer.alloc(16);
      const late = [codeOf(file.read(bytes, 0)), codeOf(view.open("ram:/raced"))];
      expect(await Promise.all(late)).toEqual(["EACCES", "EACCES"]);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
      for (const code of await Promise.all(racing)) expect([16, "EACCES"]).toContain(code);
      await file.close();
    }
    await os.expectNoLeaks();
  });

  it("a view of what was revoked stays closed when the next one is made", async () => {
    const first = await os.narrow("ram:/", "read");
    await first.revoke();
    const second = await os.narrow("ram:/", "read");
    expect(await codeOf(first.open("ram:/raced"))).toBe("EACCES");
    await second.revoke();
    await os.expectNoLeaks();
  });

  it("a session that was revoked while its daemon was away is EACCES, not stale", async () => {
    const view = await os.narrow("zero:/", "read");
    const file = await view.open("zero:/");
    await os.kill("zero");
    await view.revoke();
    expect(await codeOf(file.read(Buffer.alloc(8)))).toBe("EACCES");
    await file.close();
    await os.expectNoLeaks();
  });

  it("a request that its daemon's death cut off is checked again when it is repeated", async () => {
    const view = await os.narrow("zero:/", "read");
    const file = await view.open("zero:/");
    const death = os.killAt("zero", "dequeued");
    const bytes = Buffer.alloc(8, 1);
    const reading = codeOf(file.read(bytes));
    await view.revoke();
    const code = await reading;
    // It was answered before the death, or refused after: with data of a revoked one never.
    expect([8, "EACCES"]).toContain(code);
    if (code === "EACCES") expect(bytes.every((byte) => byte === 1)).toBe(true);
    await (await os.open("zero:/")).read(Buffer.alloc(8));
    await death;
    await file.close();
  });
});
