/** Counterparts of sel4test's tests of capabilities: making, narrowing, revoking, rights. */

import { expect } from "vitest";
import { slotOf } from "../../ipc/capability-index.js";
import { encodeBody } from "../../ipc/codec.js";
import { CAPABILITIES_PER_PROCESS_MAX, CAPABILITIES_PER_PROVIDER_MAX } from "../../ipc/limits.js";
import { OP_CALL, OP_FSTAT, OP_GETDENTS, OP_LINK, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_DIRECTORY, O_READ, O_STAT, O_WRITE } from "../../ipc/open-flags.js";
import { RIGHT_CALL, RIGHT_LIST, RIGHT_READ, RIGHT_WRITE, RIGHTS_ALL } from "../../ipc/rights.js";
import type { Counterpart } from "./counterpart.js";
import { type Scene, say } from "./scene.js";

/** Runs `check` for the host's own capability of every mask of rights. */
function everyMask(scene: Scene, check: (mask: number, index: number) => void): void {
  for (let mask = 1; mask <= RIGHTS_ALL; mask++) {
    const { id, index } = scene.narrow(scene.host, "low:/a", mask);
    check(mask, index);
    scene.revoke(scene.host, id);
  }
}

const CNODE: readonly Counterpart[] = [
  {
    of: "CNODEOP0001",
    claim: "dup gives a second handle on the same object; of a number that is none it gives EBADF",
    async run({ scene }) {
      const user = await scene.user();
      const first = scene.open(user);
      const second = scene.dup(user, first);
      expect(second).not.toBe(first);
      expect([scene.read(user, first), scene.read(user, second)]).toEqual(["/a", "/a"]);
      scene.close(user, first);
      expect([say(scene.dup(user, first)), scene.read(user, second)]).toEqual(["EBADF", "/a"]);
    },
  },
  {
    of: "CNODEOP0002",
    claim: "close ends a handle; closing what is not open succeeds and closes nothing",
    async run({ scene }) {
      const user = await scene.user();
      const [first, second] = [scene.open(user), scene.open(user)];
      expect([scene.close(user, first), scene.close(user, first)]).toEqual(["ok", "ok"]);
      expect([scene.read(user, first), scene.read(user, second)]).toEqual(["EBADF", "/a"]);
      expect(scene.vault.open).toBe(1);
    },
  },
  {
    of: "CNODEOP0003",
    claim: "narrow mints a capability with fewer rights on a deeper root; from nothing, nothing",
    async run({ scene }) {
      const user = await scene.user();
      const { index } = scene.narrow(user, "low:/a", "read");
      expect(say(scene.open(user, "/a/b", O_READ, index))).toBe("ok");
      expect(say(scene.open(user, "/a/b", O_WRITE, index))).toBe("EACCES");
      expect(say(scene.open(user, "/b", O_READ, index))).toBe("EACCES");
      expect(() => scene.narrow(user, "mid:/", "read")).toThrow("ENODEV");
      expect(() => scene.narrow(user, "low:/", "fly")).toThrow("EINVAL");
    },
  },
  {
    of: "CNODEOP0006",
    claim: "revoking a capability under which nothing waits ends nobody else's request",
    async run({ scene }) {
      const user = await scene.user();
      const { id } = scene.narrow(user, "low:/a", "read");
      const parked = scene.park(user);
      expect(scene.revoke(user, id)).toBe("ok");
      await scene.world.settle();
      expect(parked.results).toEqual([]);
      await scene.release();
      expect(parked.results).toEqual(["/a/slow".length]);
    },
  },
  {
    of: "CNODEOP0007",
    claim: "revoke ends what was derived; a number that is gone is ENOENT and harms nobody",
    async run({ scene }) {
      const user = await scene.user();
      const [gone, kept] = [scene.narrow(user, "low:/", "all"), scene.narrow(user, "low:/", "all")];
      expect(scene.revoke(user, gone.id)).toBe("ok");
      expect(scene.revoke(user, gone.id)).toBe("ENOENT");
      expect(say(scene.open(user, "/a", O_READ, gone.index))).toBe("EACCES");
      expect(say(scene.open(user, "/a", O_READ, kept.index))).toBe("ok");
    },
  },
  {
    of: "CSPACE0001",
    claim: "every bit of a capability's number counts: none of the 32 neighbours is anything",
    async run({ scene }) {
      const user = await scene.user();
      const { capability } = user.entry("low");
      for (let bit = 0; bit < 32; bit++) {
        const near = capability ^ (1 << bit);
        expect([bit, say(scene.open(user, "/a", O_READ, near))]).toEqual([bit, "EACCES"]);
      }
      expect(say(scene.open(user, "/a", O_READ, capability))).toBe("ok");
    },
  },
];

const CANCEL: readonly Counterpart[] = [
  {
    of: "CANCEL_BADGED_SENDS_0001",
    claim: "revoking one of many capabilities ends exactly the requests that wait under it",
    async run({ scene }) {
      const user = await scene.user();
      const all = Array.from({ length: 8 }, () => scene.narrow(user, "low:/", "read"));
      const parked = all.map(({ index }) => scene.park(user, "/a/slow", index));
      for (const [i, { id }] of all.entries()) if (i % 2 === 0) scene.revoke(user, id);
      await scene.world.settle();
      expect(parked.map(({ results }) => results.map((result) => say(result)).join())).toEqual(
        all.map((_, i) => (i % 2 === 0 ? "EACCES" : "")),
      );
      await scene.release();
      expect(parked.map(({ results }) => results.length)).toEqual(all.map(() => 1));
    },
  },
  {
    of: "CANCEL_BADGED_SENDS_0002",
    claim: "handles of a revoked capability are closed at the daemon, also under waiting requests",
    async run({ scene }) {
      const user = await scene.user();
      const { id, index } = scene.narrow(user, "low:/", "read");
      const before = scene.vault.open;
      const parked = scene.park(user, "/a/slow", index);
      scene.open(user, "/a", O_READ, index);
      expect(scene.vault.open).toBe(before + 2);
      scene.revoke(user, id);
      await scene.world.settle();
      expect([scene.vault.open, say(parked.results[0] ?? 0)]).toEqual([before, "EACCES"]);
    },
  },
];

const RIGHTS: readonly Counterpart[] = [
  {
    of: "IPCRIGHTS0001",
    claim: "writing needs the right to write, for each of the 255 masks",
    run({ scene }) {
      everyMask(scene, (mask, index) => {
        const handle = scene.open(scene.host, "/a", O_WRITE, index);
        const may = (mask & RIGHT_WRITE) !== 0;
        expect([mask, say(handle)]).toEqual([mask, may ? "ok" : "EACCES"]);
        if (may) expect(scene.write(scene.host, handle)).toBe("ok");
      });
    },
  },
  {
    of: "IPCRIGHTS0002",
    claim: "reading needs the right to read, for each of the 255 masks",
    run({ scene }) {
      everyMask(scene, (mask, index) => {
        const handle = scene.open(scene.host, "/a", O_READ, index);
        const may = (mask & RIGHT_READ) !== 0;
        expect([mask, say(handle)]).toEqual([mask, may ? "ok" : "EACCES"]);
        if (may) expect(scene.read(scene.host, handle)).toBe("/a");
        // A handle that was opened for nothing reads nothing, whatever the capability could.
        const bare = scene.open(scene.host, "/a", O_STAT, index);
        expect([say(bare), scene.read(scene.host, bare)]).toEqual(["ok", "EBADF"]);
      });
    },
  },
  {
    of: "IPCRIGHTS0003",
    claim: "giving a capability to another needs the right to grant, and nothing else",
    async run({ scene }) {
      const receiver = await scene.world.program({ names: [] });
      for (const rights of ["all", "grant", "read grant", "read", "read write call list"]) {
        const giver = await scene.user(rights);
        const give = () => scene.grant(giver, receiver, "low:/given", "read");
        if (rights === "all" || rights.includes("grant")) scene.revoke(giver, give().id);
        else expect(give).toThrow("EACCES");
        await scene.world.kill(giver.pid);
      }
    },
  },
  {
    of: "IPCRIGHTS0004",
    claim: "a call needs one of the rights call, read and write on its handle, for each mask",
    run({ scene }) {
      everyMask(scene, (mask, index) => {
        const flags = ((mask & RIGHT_READ) !== 0 ? O_READ : 0) | O_STAT;
        const handle = scene.open(scene.host, "/a", flags, index);
        const said = say(scene.on(scene.host, OP_CALL, handle, { body: encodeBody(1) }));
        const may = (mask & (RIGHT_CALL | RIGHT_READ)) !== 0;
        expect([mask, said]).toEqual([mask, may ? "ok" : "EBADF"]);
      });
    },
  },
  {
    of: "IPCRIGHTS0005",
    claim: "what a handle may do was settled by the capability of its open, for each mask",
    run({ scene }) {
      everyMask(scene, (mask, index) => {
        const lists = (mask & RIGHT_LIST) !== 0;
        const handle = scene.open(scene.host, "/a", O_READ | O_DIRECTORY, index);
        expect([mask, say(handle)]).toEqual([mask, lists ? "ok" : "EACCES"]);
        const reader = scene.open(scene.host, "/a", O_READ, index);
        if ((mask & RIGHT_READ) === 0) return;
        const listed = say(scene.on(scene.host, OP_GETDENTS, reader));
        expect([mask, listed]).toEqual([mask, lists ? "ok" : "EBADF"]);
      });
    },
  },
];

const HIERARCHY: readonly Counterpart[] = [
  {
    of: "SMC0002",
    claim: "a capability that was given on works as the first one does, within its rights",
    async run({ scene }) {
      const [giver, receiver] = [await scene.user(), await scene.world.program({ names: [] })];
      const { index } = scene.grant(giver, receiver, "low:/a", "read");
      await receiver.connect(scene.low);
      expect(scene.read(receiver, scene.open(receiver, "/a", O_READ, index))).toBe("/a");
    },
  },
  {
    of: "SMC0003",
    claim: "a narrowed capability reaches its own root only, by whatever path",
    async run({ scene }) {
      const user = await scene.user("all", "/a");
      const said = ["/a", "/a/b", "/ab", "/", "/b", "/a/../b", "/a/b/../../b", "//a", "/a/"].map(
        (path) => say(scene.open(user, path)),
      );
      const [no, crooked] = ["EACCES", "EINVAL"];
      expect(said).toEqual(["ok", "ok", no, no, no, crooked, crooked, crooked, crooked]);
    },
  },
  {
    of: "SMC0004",
    claim:
      "a narrowed capability cannot be narrowed to more than it has: not the root, not a right",
    async run({ scene }) {
      const user = await scene.user("read", "/a");
      const { index } = scene.narrow(user, "low:/a/b", "all");
      expect(say(scene.open(user, "/a/b", O_READ, index))).toBe("ok");
      expect(say(scene.open(user, "/a/b", O_WRITE, index))).toBe("EACCES");
      for (const url of ["low:/", "low:/b", "low:/ab", "low:/a/../b"]) {
        expect(() => scene.narrow(user, url, "read")).toThrow("EACCES");
      }
    },
  },
  {
    of: "SMC0005",
    claim: "revoking the first capability ends every one that was narrowed and given on from it",
    async run({ scene }) {
      const { host } = scene;
      const [a, b] = [await scene.world.program({ names: [] }), await scene.user("read", "/x")];
      const first = scene.grant(host, a, "low:/a", "all");
      await a.connect(scene.low);
      const second = scene.narrow(a, "low:/a/b", "read grant");
      const third = scene.grant(a, b, "low:/a/b", "read");
      const handles = [
        scene.open(a, "/a/b", O_READ, first.index),
        scene.open(a, "/a/b", O_READ, second.index),
      ];
      const given = scene.open(b, "/a/b", O_READ, third.index);
      expect(scene.revoke(host, first.id)).toBe("ok");
      expect(handles.map((handle) => scene.read(a, handle))).toEqual(["EACCES", "EACCES"]);
      expect(scene.read(b, given)).toBe("EACCES");
    },
  },
  {
    of: "SMC0006",
    claim: "revoking a derived capability leaves those above and beside it as they were",
    async run({ scene }) {
      const user = await scene.user();
      const [gone, beside] = [
        scene.narrow(user, "low:/", "read"),
        scene.narrow(user, "low:/a", "read"),
      ];
      scene.revoke(user, gone.id);
      expect(say(scene.open(user, "/a", O_READ, beside.index))).toBe("ok");
      expect(say(scene.open(user, "/a"))).toBe("ok");
    },
  },
  {
    of: "SMC0007",
    claim: "who received a capability may not revoke the one that it was derived from",
    async run({ scene }) {
      const receiver = await scene.world.program({ names: [] });
      const parent = scene.world.capabilities
        .all()
        .find(({ scheme, holder }) => scheme === "low" && holder === scene.host.pid);
      const given = scene.grant(scene.host, receiver, "low:/a", "all");
      expect(scene.revoke(receiver, parent?.id ?? 0)).toBe("EACCES");
      const stranger = await scene.user();
      expect(scene.revoke(stranger, given.id)).toBe("EACCES");
      expect(scene.revoke(receiver, given.id)).toBe("ok");
    },
  },
  {
    of: "SMC0008",
    claim: "a revoked capability stays dead when its slot is used again",
    async run({ scene }) {
      const user = await scene.user();
      const gone = scene.narrow(user, "low:/a", "read");
      const handle = scene.open(user, "/a", O_READ, gone.index);
      scene.revoke(user, gone.id);
      // So many that every slot of the table has had another since.
      const { index } = gone;
      const { capabilities } = scene.world;
      const facts = { holder: user.pid, provider: scene.low, scheme: "low", root: "/" };
      for (let i = 0; i < CAPABILITIES_PER_PROVIDER_MAX; i++) {
        const next = capabilities.add(undefined, { ...facts, rights: RIGHTS_ALL });
        if (slotOf(next.index) === slotOf(index)) break;
        capabilities.revoke(next);
      }
      expect(scene.world.capabilities.all().at(-1)?.index).not.toBe(index);
      expect(slotOf(scene.world.capabilities.all().at(-1)?.index ?? 0)).toBe(slotOf(index));
      expect(say(scene.open(user, "/a", O_READ, index))).toBe("EACCES");
      expect(scene.read(user, handle)).toBe("EACCES");
    },
  },
];

const TABLES: readonly Counterpart[] = [
  {
    of: "PREEMPT_REVOKE_0001",
    claim: "a tree of 900 capabilities is revoked at once, with nothing of it left working",
    async run({ scene }) {
      const user = await scene.user();
      const links = scene.chain(user, 900);
      const handles = [0, 449, 899].map((i) => scene.open(user, "/a", O_READ, links[i]?.index));
      expect(handles.map((handle) => scene.read(user, handle))).toEqual(["/a", "/a", "/a"]);
      expect(scene.revoke(user, links[0]?.id ?? 0)).toBe("ok");
      for (const { index } of links) {
        if (say(scene.open(user, "/a", O_READ, index)) !== "EACCES") expect.fail(`${index} works`);
      }
      expect(handles.map((handle) => scene.read(user, handle)).join()).toBe("EACCES,EACCES,EACCES");
    },
  },
  {
    of: "RETYPE0000",
    claim: "one process makes so many capabilities and then gets EMFILE",
    async run({ scene }) {
      const user = await scene.user();
      const before = scene.world.capabilities.heldBy(user.pid).length;
      for (let i = before; i < CAPABILITIES_PER_PROCESS_MAX; i++) {
        scene.narrow(user, "low:/", "read");
      }
      expect(() => scene.narrow(user, "low:/", "read")).toThrow("EMFILE");
    },
  },
  {
    of: "RETYPE0001",
    claim: "what one process has used up, its neighbours have not",
    async run({ scene }) {
      const [greedy, neighbour] = [await scene.user(), await scene.user()];
      scene.chain(greedy, CAPABILITIES_PER_PROCESS_MAX - 1);
      expect(() => scene.narrow(greedy, "low:/", "read")).toThrow("EMFILE");
      expect(scene.narrow(neighbour, "low:/", "read").index).toBeGreaterThan(0);
      expect(say(scene.open(neighbour))).toBe("ok");
    },
  },
  {
    of: "RETYPE0002",
    claim: "what is revoked can be made again, as often as one likes",
    async run({ scene }) {
      const user = await scene.user();
      const before = scene.world.capabilities.size;
      for (let i = 0; i < 3 * CAPABILITIES_PER_PROCESS_MAX; i++) {
        expect(scene.revoke(user, scene.narrow(user, "low:/", "read").id)).toBe("ok");
      }
      expect(scene.world.capabilities.size).toBe(before);
    },
  },
  {
    of: "THREADS0004",
    claim: "a program without names reaches nothing: every number it tries is refused",
    async run({ scene }) {
      const nobody = await scene.world.program({ names: [] });
      expect(nobody.namespace).toEqual([]);
      for (const provider of [0, scene.low, scene.pid("mid"), 4711]) {
        expect(say(await nobody.connect(provider))).toMatch(/EACCES|ENODEV/);
      }
      expect(() => scene.narrow(nobody, "low:/", "read")).toThrow("ENODEV");
    },
  },
  {
    of: "THREADS0005",
    claim: "a child gets what it is given and not what its parent has beside",
    async run({ scene }) {
      const parent = await scene.user();
      const names = [{ url: "low:/a", rights: "read" }];
      const child = await scene.world.program({ names, by: parent });
      await child.connect(scene.low);
      expect(say(scene.open(child, "/a", O_READ))).toBe("ok");
      expect(say(scene.open(child, "/a", O_WRITE))).toBe("EACCES");
      const parents = parent.entry("low").capability;
      expect(say(scene.open(child, "/a", O_READ, parents))).toBe("EACCES");
    },
  },
  {
    of: "VSPACE0001",
    claim: "a handle whose capability is gone is refused, whatever the operation",
    async run({ scene }) {
      const user = await scene.user();
      const { id, index } = scene.narrow(user, "low:/", "all");
      const handle = scene.open(user, "/a", O_READ | O_WRITE, index);
      scene.revoke(user, id);
      const said = [OP_READ, OP_WRITE, OP_FSTAT, OP_GETDENTS, OP_CALL].map((opcode) =>
        say(scene.on(user, opcode, handle, { body: encodeBody(1) })),
      );
      expect(said).toEqual(said.map(() => "EACCES"));
      expect(say(scene.on(user, OP_LINK, handle, { body: "/b" }))).toBe("EACCES");
      expect(say(scene.dup(user, handle))).toBe("EACCES");
      expect(scene.close(user, handle)).toBe("ok");
      expect(scene.read(user, handle)).toBe("EBADF");
    },
  },
  {
    of: "VSPACE0005",
    claim: "a client's table of handles fills up with EMFILE, and empties",
    async run({ scene }) {
      const [user, neighbour] = [await scene.user(), await scene.user()];
      const handles: number[] = [];
      for (let handle = scene.open(user); handle >= 0; handle = scene.open(user)) {
        handles.push(handle);
      }
      expect([handles.length, say(scene.open(user))]).toEqual([1024, "EMFILE"]);
      // What the scheme had opened for it was closed again.
      expect(scene.vault.open).toBe(1024);
      expect(say(scene.open(neighbour))).toBe("ok");
      for (const handle of handles) scene.close(user, handle);
      expect(say(scene.open(user))).toBe("ok");
    },
  },
  {
    of: "VSPACE0006",
    claim: "revoked handles count until they are closed, and no longer",
    async run({ scene }) {
      const user = await scene.user();
      const { id, index } = scene.narrow(user, "low:/", "all");
      const handles = Array.from({ length: 1024 }, () => scene.open(user, "/a", O_READ, index));
      scene.revoke(user, id);
      await scene.world.settle();
      expect([scene.vault.open, say(scene.open(user))]).toEqual([0, "EMFILE"]);
      for (const handle of handles) scene.close(user, handle);
      const fresh = Array.from({ length: 1024 }, () => scene.open(user));
      expect(fresh.every((handle) => handle > 0 && !handles.includes(handle))).toBe(true);
    },
  },
];

/** All of them. */
export const SEL4_CAPABILITY: readonly Counterpart[] = [
  ...CNODE,
  ...CANCEL,
  ...RIGHTS,
  ...HIERARCHY,
  ...TABLES,
];
