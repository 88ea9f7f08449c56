/** `ram:` without a kernel: the conformance suite, and what only an in-memory tree has. */

import { beforeEach, describe, expect, it } from "vitest";
import {
  O_APPEND,
  O_CREATE,
  O_EXCLUSIVE,
  O_READ,
  O_STAT,
  O_SYMLINK,
  O_WRITE,
} from "../../ipc/open-flags.js";
import { RIGHT_CREATE, RIGHTS_ALL } from "../../ipc/rights.js";
import { isOpened, type Scheme } from "../../ipc/scheme.js";
import type { DirectoryEntry } from "../../ipc/stat.js";
import { furnish } from "../../schemes/ram/furnish.js";
import { ramScheme } from "../../schemes/ram/ram.js";
import { Budget, CHUNK_BYTES, SparseBytes } from "../../schemes/ram/sparse-bytes.js";
import { Tree } from "../../schemes/ram/tree.js";
import { zeroScheme } from "../../schemes/zero/zero.js";
import { asAsync, contextOf, DirectSystem, rootOf } from "../conformance/direct.js";
import { conformance } from "../conformance/suite.js";

const MEBIBYTE = 1024 * 1024;

conformance({
  name: "ram: without a kernel",
  root: "ram:/",
  boot: async () => {
    const system = new DirectSystem({ ram: ramScheme(), null: zeroScheme("null") });
    return {
      system: asAsync(system),
      narrowed: async (rights, prefix) => asAsync(system.narrowed(rights, rootOf(prefix))),
      close: async () => {
        expect(system.openHandles, "handles left open by the suite").toBe(0);
      },
    };
  },
});

function newRam(options: Parameters<typeof ramScheme>[0] = {}): DirectSystem {
  return new DirectSystem({ ram: ramScheme(options) });
}

function free(system: DirectSystem): number {
  using root = system.open("ram:/");
  return root.statVfs().blocksFree;
}

describe("ram: space", () => {
  it("ram: a full file system answers ENOSPC, and all space comes back", () => {
    const system = newRam({ bytesMax: MEBIBYTE });
    const before = free(system);
    const file = system.open("ram:/f", { mode: "create" });
    const block = new Uint8Array(CHUNK_BYTES).fill(1);
    let written = 0;
    expect(() => {
      for (;;) written += file.write(block);
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    expect(written).toBeGreaterThan(MEBIBYTE - 2 * CHUNK_BYTES);
    expect(file.stat().size).toBe(written);
    system.unlink("ram:/f");
    expect(free(system)).toBeLessThan(before / 8);
    file.close();
    expect(free(system)).toBe(before);
  });

  it("ram: a write that fits in part is taken in part", () => {
    const system = newRam({ bytesMax: MEBIBYTE });
    using file = system.open("ram:/f", { mode: "create" });
    const count = file.write(new Uint8Array(2 * MEBIBYTE).fill(7));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(MEBIBYTE);
    expect(file.stat().size).toBe(count);
  });

  it("ram: names and links take space too", () => {
    const system = newRam({ bytesMax: 64 * 1024 });
    let made = 0;
    expect(() => {
      for (;;) system.mkdir(`ram:/d${made++}`);
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    for (let index = 0; index < made - 1; index++) system.rmdir(`ram:/d${index}`);
    expect(free(system)).toBe(16);
    system.open("ram:/f", { mode: "create" }).close();
    let links = 0;
    expect(() => {
      for (;;) system.link("ram:/f", `ram:/l${links++}`);
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  });

  it("ram: a hole takes no space", () => {
    const system = newRam({ bytesMax: MEBIBYTE });
    using file = system.open("ram:/f", { mode: "create" });
    file.write("end", 2 ** 50);
    expect(file.stat().size).toBe(2 ** 50 + 3);
    const bytes = new Uint8Array(5).fill(9);
    expect(file.read(bytes, 2 ** 50 - 2)).toBe(5);
    expect(Buffer.from(bytes).toString()).toBe("\0\0end");
    file.truncate(0);
    expect(file.read(bytes, 0)).toBe(0);
  });
});

describe("ram: first contents", () => {
  it("ram: a furnished tree has a greeting of two lines and the usual directories", () => {
    const system = newRam({ furnish });
    using root = system.open("ram:/", { mode: "list" });
    expect(root.list().map(({ name }) => name)).toEqual(["etc", "home", "tmp"]);
    using motd = system.open("ram:/etc/motd");
    const lines = motd.readAll().toString().split("\n");
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(100);
  });
});

describe("ram: hard links", () => {
  it("ram: a link is another name of the same file", () => {
    const system = newRam();
    system.open("ram:/a", { mode: "create" }).close();
    system.link("ram:/a", "ram:/b");
    using file = system.open("ram:/b", { mode: "append" });
    file.write("through b");
    expect(system.stat("ram:/a")).toMatchObject({ size: 9, links: 2 });
    system.unlink("ram:/a");
    expect(system.stat("ram:/b")).toMatchObject({ size: 9, links: 1 });
  });

  it("ram: directories and taken names are not linked", () => {
    const system = newRam();
    system.mkdir("ram:/d");
    system.open("ram:/a", { mode: "create" }).close();
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(() => system.link("ram:/d", "ram:/e")).toThrow(code("EPERM"));
    expect(() => system.link("ram:/a", "ram:/d")).toThrow(code("EEXIST"));
    expect(() => system.link("ram:/x", "ram:/y")).toThrow(code("ENOENT"));
  });

  it("ram: rename onto another name of the same file does nothing", () => {
    const system = newRam();
    system.open("ram:/a", { mode: "create" }).close();
    system.link("ram:/a", "ram:/b");
    system.rename("ram:/a", "ram:/b");
    expect(system.stat("ram:/a").links).toBe(2);
  });

  it("ram: an open file that has lost its last name gets no new one", () => {
    const scheme = ramScheme();
    const { handle } = openIn(scheme, "/a", O_WRITE | O_CREATE);
    scheme.unlink?.("/a", "file", contextOf({ flags: 0 }));
    expect(() => scheme.link?.(handle as never, "/b", contextOf({ flags: 0 }))).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
  });
});

describe("ram: identity", () => {
  it("ram: the same file has the same identity in one instance only", () => {
    const scheme = ramScheme();
    openIn(scheme, "/a", O_WRITE | O_CREATE);
    const one = openIn(scheme, "/a", O_READ);
    const two = openIn(scheme, "/a", O_STAT);
    expect(one.identity).toEqual(two.identity);
    expect(one.positioned).toBe(true);
    const other = openIn(ramScheme({ generation: 1 }), "/a", O_WRITE | O_CREATE);
    expect(other.identity).not.toEqual(one.identity);
    scheme.unlink?.("/a", "file", contextOf({ flags: 0 }));
    expect(openIn(scheme, "/a", O_WRITE | O_CREATE).identity).not.toEqual(one.identity);
  });

  it("ram: without the right to create, what exists can be written and nothing is made", () => {
    const system = newRam();
    const fixed = system.narrowed(RIGHTS_ALL & ~RIGHT_CREATE);
    expect(() => fixed.open("ram:/a", { mode: "write" })).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
    system.open("ram:/a", { mode: "create" }).close();
    fixed.open("ram:/a", { mode: "write" }).close();
    expect(() => fixed.open("ram:/b", { mode: "create" })).toThrow(
      expect.objectContaining({ code: "EACCES" }),
    );
  });

  it("ram: an exclusive create does not go through a link", () => {
    const system = newRam();
    system.symlink("ram:/link", "target");
    const mode = O_WRITE | O_CREATE;
    expect(() => system.open("ram:/link", { mode: mode | O_EXCLUSIVE })).toThrow(
      expect.objectContaining({ code: "EEXIST" }),
    );
    system.open("ram:/link", { mode }).close();
    expect(system.stat("ram:/target").kind).toBe("file");
  });

  it("ram: a symbolic link can be looked at but not read", () => {
    const system = newRam();
    system.symlink("ram:/link", "nowhere");
    using link = system.open("ram:/link", { mode: O_STAT | O_SYMLINK });
    expect(link.stat()).toMatchObject({ kind: "symlink", size: 7 });
    expect(() => system.open("ram:/link", { mode: O_READ | O_SYMLINK })).toThrow(
      expect.objectContaining({ code: "ELOOP" }),
    );
  });
});

describe("ram: seen through a capability with a root", () => {
  const code = (expected: string) => expect.objectContaining({ code: expected });
  let all: DirectSystem;
  let jailed: DirectSystem;

  beforeEach(() => {
    all = newRam();
    jailed = all.narrowed(RIGHTS_ALL, "/jail");
    all.mkdir("ram:/outside");
    all.open("ram:/outside/secret", { mode: "create" }).close();
    all.mkdir("ram:/jail");
    all.mkdir("ram:/jail/d");
    jailed.open("ram:/jail/own", { mode: "create" }).close();
    for (const [name, target] of ESCAPES) jailed.symlink(`ram:/jail/${name}`, target);
  });

  const ESCAPES = [
    ["absolute", "/outside"],
    ["relative", "../outside"],
    ["sneaky", "/jail/d/../../outside"],
    ["twice", "absolute"],
    ["root", "/"],
    ["prefix", "/jail/../jailor"],
    ["gone", "/nowhere"],
  ] as const;

  it.each(ESCAPES.map(([name]) => name))("ram: nothing leads out through link %s", (name) => {
    const link = `ram:/jail/${name}`;
    const inside = `${link}/secret`;
    const write = O_WRITE | O_CREATE;
    expect(() => jailed.open(link), "final").toThrow(code("EACCES"));
    expect(() => jailed.open(link, { mode: write }), "final, create").toThrow(code("EACCES"));
    expect(() => jailed.open(inside), "intermediate").toThrow(code("EACCES"));
    expect(() => jailed.open(inside, { mode: write }), "create").toThrow(code("EACCES"));
    expect(() => jailed.mkdir(inside), "mkdir").toThrow(code("EACCES"));
    expect(() => jailed.unlink(inside), "unlink").toThrow(code("EACCES"));
    expect(() => jailed.rmdir(inside), "rmdir").toThrow(code("EACCES"));
    expect(() => jailed.readlink(inside), "readlink").toThrow(code("EACCES"));
    expect(() => jailed.symlink(inside, "x"), "symlink").toThrow(code("EACCES"));
    expect(() => jailed.link("ram:/jail/own", inside), "link").toThrow(code("EACCES"));
    expect(() => jailed.link(inside, "ram:/jail/stolen"), "steal").toThrow(code("EACCES"));
    expect(() => jailed.rename("ram:/jail/own", inside), "rename to").toThrow(code("EACCES"));
    expect(() => jailed.rename(inside, "ram:/jail/stolen"), "rename from").toThrow(code("EACCES"));
  });

  it("ram: the links themselves can be read, renamed and removed", () => {
    expect(jailed.readlink("ram:/jail/absolute")).toBe("/outside");
    jailed.rename("ram:/jail/absolute", "ram:/jail/d/moved");
    jailed.unlink("ram:/jail/d/moved");
    jailed.rename("ram:/jail/own", "ram:/jail/relative");
    expect(jailed.stat("ram:/jail/relative").kind).toBe("file");
    expect(all.stat("ram:/outside/secret").kind).toBe("file");
  });

  it("ram: a name outside is refused before the scheme sees it", () => {
    expect(() => jailed.open("ram:/outside/secret")).toThrow(code("EACCES"));
    expect(() => jailed.rename("ram:/jail/own", "ram:/outside/own")).toThrow(code("EACCES"));
    expect(() => jailed.open("ram:/jailor")).toThrow(code("EACCES"));
  });

  it("ram: a directory that becomes a link on the way leads nowhere", () => {
    jailed.open("ram:/jail/d/f", { mode: "create" }).close();
    jailed.rename("ram:/jail/absolute", "ram:/jail/swap");
    jailed.unlink("ram:/jail/d/f");
    jailed.rmdir("ram:/jail/d");
    jailed.rename("ram:/jail/swap", "ram:/jail/d");
    expect(() => jailed.open("ram:/jail/d/secret")).toThrow(code("EACCES"));
  });

  it("ram: a root that is replaced by a link is no way out either", () => {
    all.rename("ram:/jail", "ram:/moved");
    all.symlink("ram:/jail", "/outside");
    expect(() => jailed.open("ram:/jail/secret")).toThrow(code("EACCES"));
    expect(() => jailed.open("ram:/jail", { mode: "list" })).toThrow(code("EACCES"));
    all.unlink("ram:/jail");
    expect(() => jailed.open("ram:/jail/own")).toThrow(code("ENOENT"));
    all.mkdir("ram:/jail");
    jailed.open("ram:/jail/own", { mode: "create" }).close();
    expect(all.stat("ram:/moved/own").kind).toBe("file");
  });

  it("ram: a handle that was opened inside stays with its file, wherever that is moved", () => {
    using file = jailed.open("ram:/jail/own", { mode: "read-write" });
    all.rename("ram:/jail/own", "ram:/outside/own");
    file.write("mine");
    expect(all.stat("ram:/outside/own").size).toBe(4);
    expect(() => jailed.open("ram:/jail/own")).toThrow(code("ENOENT"));
  });
});

describe("ram: walk beneath a root", () => {
  const tree = new Tree(new Budget(MEBIBYTE), () => 0);
  const make = (path: string, kind: "directory" | "file" | "symlink", target?: string) =>
    tree.create(tree.walk(path, { follow: false }), kind, target);
  make("/secret", "file");
  make("/jail", "directory");
  make("/jail/in", "file");
  make("/jail/sub", "directory");
  make("/jail/absolute", "symlink", "/jail/in");
  make("/jail/relative", "symlink", "sub/../in");
  make("/jail/up", "symlink", "../secret");
  make("/jail/sub/up", "symlink", "../../secret");
  make("/jail/out", "symlink", "/secret");
  make("/jail/sneaky", "symlink", "/jail/../secret");
  make("/moved", "symlink", "/jail");

  it.each(["/jail/in", "/jail/absolute", "/jail/relative"])("ram: %s stays inside", (path) => {
    expect(tree.walk(path, { follow: true, root: "/jail" }).name).toBe("in");
  });

  it.each(["/jail/up", "/jail/sub/up", "/jail/out", "/jail/sneaky", "/moved/in"])(
    "ram: %s is EACCES beneath /jail, and fine without a root",
    (path) => {
      const root = path.startsWith("/moved") ? "/moved" : "/jail";
      expect(() => tree.walk(path, { follow: true, root })).toThrow(
        expect.objectContaining({ code: "EACCES" }),
      );
      expect(tree.walk(path, { follow: true }).node?.kind).toBe("file");
    },
  );

  it("ram: a link above its scheme's root stops there", () => {
    make("/far", "symlink", "../../../secret");
    expect(tree.walk("/far", { follow: true }).name).toBe("secret");
  });
});

describe("sparse bytes", () => {
  it("sparse bytes: behaves like one long array of zeros", () => {
    const budget = new Budget(64 * MEBIBYTE);
    const sparse = new SparseBytes(budget);
    const size = 5 * CHUNK_BYTES;
    const model = new Uint8Array(size);
    let modelSize = 0;
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let step = 0; step < 400; step++) {
      const offset = random(size);
      const length = random(Math.min(size - offset, 2 * CHUNK_BYTES));
      if (random(4) === 0) {
        sparse.truncate(offset);
        model.fill(0, offset);
        modelSize = offset;
      } else {
        const bytes = new Uint8Array(length).fill(1 + random(255));
        if (length > 0) {
          expect(sparse.write(bytes, offset)).toBe(length);
          modelSize = Math.max(modelSize, offset + length);
        }
        model.set(bytes, offset);
      }
      const at = random(size);
      const read = new Uint8Array(random(size - at)).fill(255);
      const count = sparse.read(read, at);
      expect(count, `step ${step}`).toBe(Math.max(0, Math.min(read.length, modelSize - at)));
      const same = Buffer.compare(read.subarray(0, count), model.subarray(at, at + count)) === 0;
      expect(same, `step ${step}`).toBe(true);
    }
    sparse.release();
    expect(budget.usedBytes).toBe(0);
  });

  it("sparse bytes: the largest file ends at 2^53 - 1", () => {
    const sparse = new SparseBytes(new Budget(MEBIBYTE));
    const end = Number.MAX_SAFE_INTEGER;
    expect(sparse.write(Uint8Array.of(1), end - 1)).toBe(1);
    expect(() => sparse.write(Uint8Array.of(1), end)).toThrow(
      expect.objectContaining({ code: "EFBIG" }),
    );
  });
});

function openIn(scheme: Scheme<unknown>, path: string, flags: number, rights = RIGHTS_ALL) {
  const answer = scheme.open(path, contextOf({ flags, rights, scheme: "ram" }));
  if (!isOpened(answer)) throw new TypeError("ram: answered a bare handle");
  return answer;
}

describe("ram: cursors", () => {
  it("ram: a listing goes on after its last entry, whatever happened to that and others", () => {
    const system = newRam();
    const scheme = system.schemes.get("ram") as Scheme<unknown>;
    for (let index = 0; index < 600; index++) system.mkdir(`ram:/d${index}`);
    const { handle } = openIn(scheme, "/", O_READ);
    const first = scheme.getdents?.(handle, 0) as DirectoryEntry[];
    expect(first.map(({ name }) => name)).toEqual(first.map((_, index) => `d${index}`));
    const last = first.at(-1) as DirectoryEntry;
    system.rmdir(`ram:/${last.name}`);
    system.rmdir("ram:/d300");
    system.rename("ram:/d0", "ram:/e");
    const rest: string[] = [];
    for (let cursor = last.next; ; ) {
      const batch = scheme.getdents?.(handle, cursor) as DirectoryEntry[];
      if (batch.length === 0) break;
      rest.push(...batch.map(({ name }) => name));
      cursor = batch.at(-1)?.next ?? 0;
    }
    const later = Array.from({ length: 600 - first.length }, (_, index) => first.length + index);
    const expected = later.filter((index) => index !== 300).map((index) => `d${index}`);
    expect(rest).toEqual([...expected, "e"]);
  });
});

describe("ram: append", () => {
  it("ram: two appending handles never write over each other", () => {
    const system = newRam();
    using one = system.open("ram:/log", { mode: "append" });
    using two = system.open("ram:/log", { mode: O_WRITE | O_APPEND });
    for (let turn = 0; turn < 3; turn++) {
      one.write("1");
      two.write("2");
    }
    using log = system.open("ram:/log");
    expect(log.readAll().toString()).toBe("121212");
  });
});
