/**
 * Cases for whatever can be opened: a file of a tree, or the one object of a device-like scheme.
 */

import { expect } from "vitest";
import {
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_STAT,
  O_WRITE,
} from "../../ipc/open-flags.js";
import { RIGHT_CREATE, RIGHT_READ, RIGHT_WRITE, RIGHTS_ALL } from "../../ipc/rights.js";
import { type Case, expectCode, unitOf } from "./case.js";

/** Offsets that no operation takes. */
const WILD_OFFSETS = [-1, -(2 ** 40), 0.5, Number.NaN, 2 ** 53, 2 ** 64];

export const objectCases: Case[] = [
  {
    name: "open: what exists opens for reading, for writing and for both",
    async run({ os, object }) {
      for (const mode of [O_READ, O_WRITE, O_READ | O_WRITE]) {
        await using file = await os.open(object, { mode });
        expect((await file.stat()).kind).toMatch(/^(file|device)$/);
      }
    },
  },
  {
    name: "open: a name that does not exist is ENOENT",
    async run({ os, object }) {
      const missing = object.endsWith("/") ? `${object}nosuch` : `${object}-nosuch`;
      await expectCode(os.open(missing), "ENOENT");
      await expectCode(os.stat(missing), "ENOENT");
    },
  },
  {
    name: "open: an unknown scheme is ENODEV",
    async run({ os }) {
      await expectCode(os.open("nosuch:/x"), "ENODEV");
    },
  },
  {
    name: "open: what exists is no directory",
    async run({ os, object }) {
      await expectCode(os.open(object, { mode: O_READ | O_DIRECTORY }), "ENOTDIR");
    },
  },
  {
    name: "open: creating what exists exclusively is refused",
    async run({ os, object }) {
      const mode = O_READ | O_WRITE | O_CREATE | O_EXCLUSIVE;
      await expectCode(os.open(object, { mode }), "EEXIST", "EACCES");
    },
  },
  {
    name: "open: names that are too long are ENAMETOOLONG",
    async run({ os, object }) {
      const base = object.slice(0, object.lastIndexOf("/"));
      await expectCode(os.open(`${base}/${"n".repeat(256)}`), "ENAMETOOLONG");
      await expectCode(os.open(`${base}/${"\u00fc".repeat(128)}`), "ENAMETOOLONG");
      await expectCode(os.open(base + "/name".repeat(1000)), "ENAMETOOLONG");
      await expectCode(os.open(`${base}/${"n".repeat(1_000_000)}`), "ENAMETOOLONG");
    },
  },
  {
    name: "open: names that are no text are refused",
    async run({ os, object }) {
      await expectCode(os.open(`${object}\0x`), "EINVAL");
      await expectCode(os.open(`${object}\ud800`), "EILSEQ");
      await expectCode(os.open(""), "ENOENT", "EINVAL");
    },
  },
  {
    name: "open: dots and double slashes are resolved before the scheme sees them",
    async run({ os, object }) {
      const slash = object.lastIndexOf("/");
      const path = object.slice(object.indexOf("/"));
      const odd = `${object.slice(0, slash)}/.//a/../../../../..${path}`;
      await using file = await os.open(odd);
      expect((await file.stat()).kind).toMatch(/^(file|device)$/);
    },
  },
  {
    name: "handle: an operation that it was not opened for is EBADF",
    async run({ os, object }) {
      await using reader = await os.open(object, { mode: O_READ });
      await expectCode(reader.write(Uint8Array.of(1)), "EBADF");
      await expectCode(reader.truncate(0), "EBADF", "EOPNOTSUPP");
      await using writer = await os.open(object, { mode: O_WRITE });
      await expectCode(writer.read(new Uint8Array(1)), "EBADF");
      await using watcher = await os.open(object, { mode: O_STAT });
      await expectCode(watcher.read(new Uint8Array(1)), "EBADF");
      await expectCode(watcher.write(Uint8Array.of(1)), "EBADF");
      expect((await watcher.stat()).size).toBeGreaterThanOrEqual(0);
    },
  },
  {
    name: "handle: closed is closed, and closing again succeeds",
    async run({ os, object }) {
      const file = await os.open(object);
      await file.close();
      await expectCode(file.read(new Uint8Array(1)), "EBADF");
      await expectCode(file.stat(), "EBADF");
      await file.close();
    },
  },
  {
    name: "handle: listing what is no directory is refused",
    async run({ os, object }) {
      await using file = await os.open(object);
      await expectCode(file.list(), "ENOTDIR", "EOPNOTSUPP");
    },
  },
  {
    name: "handle: a call that the scheme lacks is refused",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_READ | O_WRITE });
      await expectCode(file.call({ no: "such request" }), "EOPNOTSUPP", "EINVAL");
    },
  },
  {
    name: "handle: stat tells the same twice, by handle and by name",
    async run({ os, object }) {
      await using file = await os.open(object);
      const stat = await file.stat();
      expect(await file.stat()).toEqual(stat);
      expect(await os.stat(object)).toEqual(stat);
      expect(stat.mode & ~0o777).toBe(0);
    },
  },
  {
    name: "handle: sync succeeds",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_WRITE });
      await file.write(new Uint8Array(await unitOf(file)).fill(0x30), 0);
      await file.sync();
    },
  },
  {
    name: "transfer: nothing is read or written with no bytes",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_READ | O_WRITE });
      expect(await file.read(new Uint8Array(0))).toBe(0);
      expect(await file.write(new Uint8Array(0))).toBe(0);
      expect(file.position).toBe(0);
    },
  },
  {
    name: "transfer: offsets that are no count of bytes are EINVAL",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_READ | O_WRITE });
      for (const offset of WILD_OFFSETS) {
        await expectCode(file.read(new Uint8Array(4), offset), "EINVAL");
        await expectCode(file.write(new Uint8Array(4), offset), "EINVAL");
      }
      const end = Number.MAX_SAFE_INTEGER;
      await expectCode(file.write(new Uint8Array(16), end), "EINVAL", "EFBIG");
    },
  },
  {
    name: "transfer: only the caller's part of a buffer is touched",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_READ | O_WRITE });
      await file.write(new Uint8Array(8 * (await unitOf(file))), 0);
      const around = new Uint8Array(64).fill(0x55);
      const count = await file.read(around.subarray(16, 24), 0);
      expect(count).toBeLessThanOrEqual(8);
      expect(around.subarray(0, 16).every((byte) => byte === 0x55)).toBe(true);
      expect(around.subarray(24).every((byte) => byte === 0x55)).toBe(true);
    },
  },
  {
    name: "transfer: many in flight on many handles all complete",
    async run({ os, object }) {
      const files = await Promise.all(Array.from({ length: 16 }, () => os.open(object)));
      const reads = files.flatMap((file) =>
        Array.from({ length: 32 }, () => file.read(new Uint8Array(64), 0)),
      );
      const counts = await Promise.all(reads);
      expect(counts.every((count) => count >= 0 && count <= 64)).toBe(true);
      await Promise.all(files.map((file) => file.close()));
    },
  },
  {
    name: "rights: a missing right refuses the open with EACCES",
    rights: true,
    async run({ object, narrowed }) {
      const blind = await narrowed(RIGHTS_ALL & ~RIGHT_READ);
      await expectCode(blind.open(object), "EACCES");
      const frozen = await narrowed(RIGHTS_ALL & ~RIGHT_WRITE);
      await expectCode(frozen.open(object, { mode: O_WRITE }), "EACCES");
      await (await frozen.open(object)).close();
      const fixed = await narrowed(RIGHTS_ALL & ~RIGHT_CREATE);
      await expectCode(fixed.open(`${object}-new`, { mode: "create" }), "EACCES");
    },
  },
];
