/** The provider's gate is the check: whatever a client forges, the scheme does not see it. */

import { describe, expect, it } from "vitest";
import { encodeBody } from "../../ipc/codec.js";
import {
  EACCES,
  EBADF,
  EBADMSG,
  EILSEQ,
  EINVAL,
  EIO,
  EMFILE,
  EMSGSIZE,
  EOPNOTSUPP,
  type Errno,
} from "../../ipc/errno.js";
import { BODY_BYTES_MAX, HANDLES_PER_CHANNEL_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import {
  OP_CALL,
  OP_CLOSE,
  OP_DUP,
  OP_FSIZE,
  OP_FSTAT,
  OP_FTRUNCATE,
  OP_OPEN,
  OP_READ,
  OP_RENAME,
  OP_UNLINK,
  OP_WRITE,
} from "../../ipc/opcode.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_TRUNCATE,
  O_WRITE,
} from "../../ipc/open-flags.js";
import { RIGHT_CREATE, RIGHT_DELETE, RIGHT_READ, RIGHT_WRITE } from "../../ipc/rights.js";
import { SQE_ONEWAY } from "../../ipc/sqe.js";
import { GateScheme } from "./gate-scheme.js";
import { Stand } from "./gate-stand.js";

const MINE = 3;
const THEIRS = 4;

function newStand() {
  const scheme = new GateScheme();
  const stand = new Stand({ x: scheme });
  return { scheme, stand, mine: stand.client(MINE), theirs: stand.client(THEIRS) };
}

const minus = ({ errno }: Errno): number => -errno;

describe("gate: handles", () => {
  it("gate: forged, stale and foreign handles are EBADF, and reach nobody", () => {
    const { scheme, stand, mine, theirs } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    const foreign = theirs.open(stand.grant(2, THEIRS), "/secret");
    const second = mine.open(1);
    expect(mine.ask({ opcode: OP_CLOSE, handle })).toBe(0);
    scheme.log.length = 0;
    const wild = [0, -1, handle, second + HANDLES_PER_CHANNEL_MAX, second ^ 1, 0x7fffffff];
    for (const forged of [...wild, -0x80000000]) {
      expect(mine.ask({ opcode: OP_READ, handle: forged, room: 4 }), `${forged}`).toBe(
        minus(EBADF),
      );
    }
    // Numbers are per client: the same number is another file, never the other's.
    expect(foreign).toBe(handle);
    expect(scheme.log).toEqual([]);
    expect(mine.ask({ opcode: OP_READ, handle: second, room: 4 })).toBe(4);
    expect(scheme.log).toEqual(["read /f 0"]);
  });

  it("gate: a closed number does not come back soon", () => {
    const { stand, mine } = newStand();
    stand.grant(1, MINE);
    const numbers = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const handle = mine.open(1);
      numbers.add(handle);
      mine.ask({ opcode: OP_CLOSE, handle });
    }
    expect(numbers.size).toBe(100);
  });

  it("gate: one client's handles are limited, its neighbour notices nothing", () => {
    const { scheme, stand, mine, theirs } = newStand();
    stand.grant(1, MINE);
    stand.grant(2, THEIRS);
    for (let i = 0; i < HANDLES_PER_CHANNEL_MAX; i++) expect(mine.open(1)).toBeGreaterThan(0);
    scheme.log.length = 0;
    expect(mine.open(1, "/one-more")).toBe(minus(EMFILE));
    expect(theirs.open(2)).toBeGreaterThan(0);
    // What the scheme opened and nobody can reach is closed again.
    if (scheme.log.includes("open /one-more")) expect(scheme.log).toContain("close /one-more");
  });

  it("gate: closing what is not open succeeds", () => {
    const { stand, mine } = newStand();
    expect(mine.ask({ opcode: OP_CLOSE, handle: 12345 })).toBe(0);
    expect(stand.bugs).toEqual([]);
  });
});

describe("gate: capabilities and paths", () => {
  it("gate: another client's capability, and one that is none, are EACCES", () => {
    const { scheme, stand, mine } = newStand();
    stand.grant(2, THEIRS);
    for (const capability of [0, 2, 63, 64, 1_000_000, -1]) {
      expect(mine.open(capability), `${capability}`).toBe(minus(EACCES));
    }
    expect(scheme.log).toEqual([]);
  });

  it.each<[string, Errno]>([
    ["/home/other", EACCES],
    ["/home/mine2", EACCES],
    ["/home", EACCES],
    ["/", EACCES],
    ["/home/mine/../other", EINVAL],
    ["/home/mine/./f", EINVAL],
    ["/home/mine//f", EINVAL],
    ["/home/mine/", EINVAL],
    ["home/mine/f", EINVAL],
    ["", EINVAL],
    ["/home/mine/\0", EINVAL],
  ])("gate: below /home/mine, %j is refused", (path, errno) => {
    const { scheme, stand, mine } = newStand();
    stand.grant(1, MINE, 255, "/home/mine");
    expect(mine.open(1, path)).toBe(minus(errno));
    expect(mine.ask({ opcode: OP_UNLINK, capability: 1, body: encodeBody([path]) })).toBe(
      minus(errno),
    );
    const rename = encodeBody(["/home/mine/f", path]);
    expect(mine.ask({ opcode: OP_RENAME, capability: 1, body: rename })).toBe(minus(errno));
    expect(scheme.log).toEqual([]);
    expect(mine.open(1, "/home/mine/f")).toBeGreaterThan(0);
  });

  it.each<[string, number, number]>([
    ["read", O_READ, RIGHT_WRITE],
    ["write", O_WRITE, RIGHT_READ],
    ["append", O_APPEND, RIGHT_READ],
    ["truncate", O_READ | O_TRUNCATE, RIGHT_READ],
    ["create anew", O_WRITE | O_CREATE | O_EXCLUSIVE, RIGHT_READ | RIGHT_WRITE],
    ["list", O_READ | O_DIRECTORY, RIGHT_READ],
  ])("gate: an open to %s without the right is EACCES", (_, flags, rights) => {
    const { scheme, stand, mine } = newStand();
    stand.grant(1, MINE, rights);
    expect(mine.open(1, "/f", flags)).toBe(minus(EACCES));
    expect(scheme.log).toEqual([]);
  });

  it("gate: paths are changed only with the right to", () => {
    const { stand, mine } = newStand();
    const unlink = { opcode: OP_UNLINK, capability: 1, body: encodeBody(["/f"]) };
    const rename = { opcode: OP_RENAME, capability: 1, body: encodeBody(["/f", "/g"]) };
    stand.grant(1, MINE, RIGHT_CREATE | RIGHT_WRITE);
    expect([mine.ask(unlink), mine.ask(rename)]).toEqual([minus(EACCES), minus(EACCES)]);
    stand.grant(1, MINE, RIGHT_DELETE);
    expect([mine.ask(unlink), mine.ask(rename)]).toEqual([0, minus(EACCES)]);
    stand.grant(1, MINE, RIGHT_DELETE | RIGHT_CREATE);
    expect(mine.ask(rename)).toBe(0);
  });
});

describe("gate: operations", () => {
  it("gate: what a handle was not opened for is EBADF", () => {
    const { stand, mine } = newStand();
    stand.grant(1, MINE);
    const reader = mine.open(1, "/f", O_READ);
    const writer = mine.open(1, "/f", O_WRITE);
    expect(mine.ask({ opcode: OP_WRITE, handle: reader, body: "x" })).toBe(minus(EBADF));
    expect(mine.ask({ opcode: OP_FTRUNCATE, handle: reader })).toBe(minus(EBADF));
    expect(mine.ask({ opcode: OP_READ, handle: writer, room: 1 })).toBe(minus(EBADF));
  });

  it("gate: what the scheme lacks is EOPNOTSUPP, and so is what nobody knows", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    for (const opcode of [OP_FSIZE, OP_FSTAT, OP_FTRUNCATE, 0, 99, 255]) {
      expect(mine.ask({ opcode, handle, room: 99 }), `${opcode}`).toBe(minus(EOPNOTSUPP));
    }
  });

  it.each([
    -2,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
  ])("gate: offset %d is EINVAL", (offset) => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    scheme.log.length = 0;
    expect(mine.ask({ opcode: OP_READ, handle, room: 4, offset })).toBe(minus(EINVAL));
    expect(mine.ask({ opcode: OP_WRITE, handle, body: "abcd", offset })).toBe(minus(EINVAL));
    expect(scheme.log).toEqual([]);
  });

  it("gate: -1 appends, and is no place to read from", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    expect(mine.ask({ opcode: OP_WRITE, handle, body: "x", offset: -1 })).toBe(1);
    expect(mine.ask({ opcode: OP_READ, handle, room: 1, offset: -1 })).toBe(minus(EINVAL));
  });

  it("gate: an extent outside the arena is EINVAL", () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    scheme.log.length = 0;
    const extents = [
      { arenaOffset: 128 * 1024, arenaLength: 1 },
      { arenaOffset: 0xffffffff, arenaLength: 0xffffffff },
      { arenaOffset: 0, arenaLength: PAYLOAD_BYTES_MAX + 1 },
      { arenaOffset: 1, arenaLength: 128 * 1024 },
    ];
    for (const extent of extents) {
      expect(mine.ask({ opcode: OP_READ, handle, ...extent })).toBe(minus(EINVAL));
      expect(mine.ask({ opcode: OP_WRITE, handle, ...extent, arg2: 1 })).toBe(minus(EINVAL));
    }
    expect(mine.ask({ opcode: OP_WRITE, handle, body: "x", arg2: 2 })).toBe(minus(EINVAL));
    expect(mine.ask({ opcode: OP_WRITE, handle, body: "x", arg2: -1 })).toBe(minus(EINVAL));
    expect(scheme.log).toEqual([]);
  });

  it("gate: a malformed body is EBADMSG, too long a one EMSGSIZE", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    const call = (body: Uint8Array): number =>
      mine.ask({ opcode: OP_CALL, handle, body, room: 99 });
    expect(call(Uint8Array.of(0xc1))).toBe(minus(EBADMSG));
    expect(call(new Uint8Array(0))).toBe(minus(EBADMSG));
    expect(call(new Uint8Array(BODY_BYTES_MAX + 1))).toBe(minus(EMSGSIZE));
    expect(call(encodeBody({ a: 1 }))).toBeGreaterThan(0);
    for (const body of [encodeBody("/f"), encodeBody([1]), encodeBody({}), encodeBody(null)]) {
      expect(mine.ask({ opcode: OP_UNLINK, capability: 1, body })).toBe(minus(EBADMSG));
    }
    expect(stand.bugs).toEqual([]);
  });

  it("gate: bytes that are no UTF-8 are refused as a path and as a name, and kill nobody", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    const body = Uint8Array.of(0x2f, 0xff, 0xfe);
    const refused = [minus(EBADMSG), minus(EILSEQ)];
    expect(refused).toContain(mine.ask({ opcode: OP_OPEN, capability: 1, body, arg1: O_READ }));
    expect(refused).toContain(mine.ask({ opcode: OP_DUP, handle, body, room: 99 }));
    expect(stand.bugs).toEqual([]);
  });

  it("gate: an answer for which the client left no room is EMSGSIZE", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    const body = encodeBody(["x".repeat(50)]);
    const sent = mine.send({ opcode: OP_CALL, handle, body });
    mine.run();
    expect(sent.results).toEqual([body.length]);
    expect(mine.ask({ opcode: OP_OPEN, capability: 1, body: "/f", arg1: O_READ })).toBe(
      minus(EMSGSIZE),
    );
  });
});

describe("gate: bad handlers", () => {
  it.each([5, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "gate: a handler that answers %d to 4 bytes is EIO",
    async (count) => {
      const { scheme, stand, mine } = newStand();
      const handle = mine.open(stand.grant(1, MINE));
      scheme.count = count;
      expect(mine.ask({ opcode: OP_READ, handle, room: 4 })).toBe(minus(EIO));
      expect(mine.ask({ opcode: OP_WRITE, handle, body: "abcd" })).toBe(minus(EIO));
    },
  );

  it("gate: a handler's errno is its answer; anything else that it throws is a bug", () => {
    const stand = new Stand({
      x: {
        open(path) {
          throw path === "/errno" ? EMFILE : new TypeError("no such property");
        },
      },
    });
    const mine = stand.client(MINE);
    stand.grant(1, MINE);
    expect([mine.open(1, "/errno"), stand.bugs.length]).toEqual([minus(EMFILE), 0]);
    expect([mine.open(1, "/bug"), stand.bugs.length]).toEqual([Number.NaN, 1]);
  });

  it("gate: what calls itself a message is never answered, and so raises no limit", () => {
    const { stand, mine } = newStand();
    const handle = mine.open(stand.grant(1, MINE));
    for (let i = 0; i < 200; i++) {
      mine.tell({ opcode: OP_READ, flags: SQE_ONEWAY, handle, arenaLength: 4 });
      mine.run();
    }
    expect(mine.channel.strays).toBe(0);
  });
});
