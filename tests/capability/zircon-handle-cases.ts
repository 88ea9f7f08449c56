/** Counterparts of Zircon's tests of handles, of messages that carry them, and of calls. */

import { expect } from "vitest";
import { SYSCALLS } from "../../ipc/abi.js";
import { seededRandom } from "../../ipc/clock.js";
import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { OP_CALL, OP_FSTAT, OP_OPEN, OP_READ } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { RIGHT_READ, RIGHTS_ALL } from "../../ipc/rights.js";
import type { File } from "../../user/file.js";
import type { Actor, Answer } from "./actor.js";
import type { Counterpart } from "./counterpart.js";
import { type Scene, say } from "./scene.js";

/** The errno symbol with which a promise rejects. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Starts a child with these handles. Returns what the kernel said. */
function spawn(scene: Scene, by: Actor, stdio: unknown[]): string {
  const body = { program: "program", args: [], cwd: "file:/", stdio, namespace: [] };
  return say(
    by.ask("spawn", scene.host === by ? { ...body, program: "file:///p.js" } : body).result,
  );
}

const HANDLES: readonly Counterpart[] = [
  {
    of: "HandleDuplicationTest.ReplaceFailureBothInvalid",
    claim: "a dup that fails leaves the handle as it was",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      const more = { body: Buffer.from([0xff, 0xfe]) };
      expect(say(scene.on(user, 2, handle, more))).toBe("EBADMSG");
      expect(scene.read(user, handle)).toBe("/a");
    },
  },
  {
    of: "HandleCloseTest.Many",
    claim: "a hundred handles close one by one, and each closes its object",
    async run({ scene }) {
      const user = await scene.user();
      const handles = Array.from({ length: 100 }, () => scene.open(user));
      expect(scene.vault.open).toBe(100);
      expect(handles.map((handle) => scene.close(user, handle))).toEqual(handles.map(() => "ok"));
      expect(scene.vault.open).toBe(0);
    },
  },
  {
    of: "HandleCloseTest.ManyInvalidHandlesShouldNotFail",
    claim: "closing numbers that are no handles succeeds and closes nobody's",
    async run({ scene }) {
      const [user, other] = [await scene.user(), await scene.user()];
      const theirs = scene.open(other);
      const said = [0, -1, 1, theirs, theirs + 1, 2 ** 31 - 1].map((n) => scene.close(user, n));
      expect(said).toEqual(said.map(() => "ok"));
      expect(scene.read(other, theirs)).toBe("/a");
    },
  },
  {
    of: "HandleCloseTest.ManyDuplicateTest",
    claim: "the same number closed many times closes one handle, not the next with its place",
    async run({ scene }) {
      const user = await scene.user();
      const first = scene.open(user);
      scene.close(user, first);
      const next = scene.open(user, "/b");
      expect(next).not.toBe(first);
      for (let i = 0; i < 10; i++) scene.close(user, first);
      expect([scene.read(user, next), scene.read(user, first)]).toEqual(["/b", "EBADF"]);
    },
  },
  {
    of: "HandleInfoTest.DupAndInfoRights",
    claim: "a copy outlives the first handle, and has its rights",
    async run({ scene }) {
      const user = await scene.user();
      const first = scene.open(user, "/a", O_READ);
      const copy = scene.dup(user, first);
      scene.close(user, first);
      expect([scene.read(user, copy), scene.write(user, copy)]).toEqual(["/a", "EBADF"]);
    },
  },
  {
    of: "HandleInfoTest.DuplicateRights",
    claim: "a copy of a copy has no more rights than the first",
    async run({ scene }) {
      const user = await scene.user();
      const copy = scene.dup(user, scene.dup(user, scene.open(user, "/a", O_READ)));
      expect([scene.read(user, copy), scene.write(user, copy)]).toEqual(["/a", "EBADF"]);
    },
  },
  {
    of: "HandleInfoTest.ReplaceRights",
    claim: "the kernel tells a narrowed capability's rights, and they cannot be raised again",
    async run({ scene }) {
      const user = await scene.user("read write");
      const { id } = scene.narrow(user, "low:/", "all");
      const { rights } = scene.world.capabilities.get(id) ?? { rights: RIGHTS_ALL };
      expect(rights).toBe(RIGHT_READ | 2);
      expect(scene.world.capabilities.get(id)?.parent?.rights).toBe(rights);
    },
  },
];

const MESSAGES: readonly Counterpart[] = [
  {
    of: "ChannelTest.WriteConsumesAllHandles",
    claim: "a spawn that is refused at its last handle takes back what it had passed before",
    async run({ scene }) {
      const user = await scene.user();
      const good = scene.reference(user, scene.open(user));
      const before = scene.world.capabilities.size;
      const bad = { ...good, capability: 999_999 };
      expect(spawn(scene, user, [good, good, bad])).toBe("EACCES");
      await scene.world.settle();
      expect(scene.world.capabilities.size).toBe(before);
      // The sender's own handle is what it was, and the daemon keeps no copy of it.
      expect([scene.read(user, good["handle"] as number), scene.vault.open]).toEqual(["/a", 1]);
      scene.close(user, good["handle"] as number);
      expect(scene.vault.open).toBe(0);
    },
  },
  {
    of: "ChannelTest.WriteNonTransferableHandleReturnsAccessDeniedAndClosesHandle",
    claim: "a capability without the right to grant stays with its holder, unharmed",
    async run({ scene }) {
      const [giver, taker] = [await scene.user("read"), await scene.user("read", "/x")];
      expect(() => scene.grant(giver, taker, "low:/a", "read")).toThrow("EACCES");
      expect(say(scene.open(giver, "/a", O_READ))).toBe("ok");
    },
  },
  {
    of: "ChannelTest.WriteRepeatedHandlesReturnsBadHandlesAndClosesHandle",
    claim: "one handle passed three times is three handles, each closed by itself",
    async run({ scene }) {
      const user = await scene.user();
      const reference = scene.reference(user, scene.open(user));
      const stdio = [reference, reference, reference];
      const child = await scene.world.program({ names: [], stdio, by: user });
      const taken = child.stdio.map((one) =>
        one.kind === "session" ? scene.take(child, one.capability) : -1,
      );
      expect(new Set(taken).size).toBe(3);
      scene.close(child, taken[0] ?? 0);
      expect(taken.map((handle) => scene.read(child, handle))).toEqual(["EBADF", "/a", "/a"]);
      expect(scene.read(user, reference["handle"] as number)).toBe("/a");
    },
  },
  {
    of: "ChannelTest.WriteSelfHandleReturnsNotSupported",
    claim: "a capability that is given to its own holder gives nothing new",
    async run({ scene }) {
      const user = await scene.user("read grant", "/a");
      const { index } = scene.grant(user, user, "low:/a", "all");
      expect(say(scene.open(user, "/a", O_READ, index))).toBe("ok");
      expect(say(scene.open(user, "/a", O_WRITE, index))).toBe("EACCES");
      expect(say(scene.open(user, "/b", O_READ, index))).toBe("EACCES");
    },
  },
  {
    of: "ChannelTest.NestingIsOk",
    claim: "200 capabilities, each derived from the one before, end with the first",
    async run({ scene }) {
      const user = await scene.user();
      const links = scene.chain(user, 200);
      const last = scene.open(user, "/a", O_READ, links.at(-1)?.index);
      expect(scene.read(user, last)).toBe("/a");
      scene.revoke(user, links[0]?.id ?? 0);
      expect(scene.read(user, last)).toBe("EACCES");
    },
  },
  {
    of: "ChannelTest.ReadEtcHandleInfoValidation",
    claim: "a handle that was passed on has the rights of its opening, whatever its papers say",
    async run({ scene }) {
      const user = await scene.user();
      const reader = scene.reference(user, scene.open(user, "/a", O_READ));
      const stdio = [{ ...reader, flags: O_READ | O_WRITE }];
      const child = await scene.world.program({ names: [], stdio, by: user });
      const handle = scene.take(child, scene.inheritedBy(child));
      expect([scene.read(child, handle), scene.write(child, handle)]).toEqual(["/a", "EBADF"]);
    },
  },
  {
    of: "ChannelTest.CallConsumesHandlesOnSuccess",
    claim: "passing a handle on leaves the sender's open",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      expect(spawn(scene, user, [scene.reference(user, handle)])).toBe("ok");
      await scene.world.settle();
      expect(scene.read(user, handle)).toBe("/a");
    },
  },
  {
    of: "ChannelTest.CallConsumesHandlesOnError",
    claim: "a number that is no handle is passed on as nothing: the child cannot take it",
    async run({ scene }) {
      const user = await scene.user();
      const forged = scene.reference(user, scene.open(user) + 1024);
      const child = await scene.world.program({ names: [], stdio: [forged], by: user });
      expect(say(scene.take(child, scene.inheritedBy(child)))).toBe("EBADF");
    },
  },
];

const CALLS: readonly Counterpart[] = [
  {
    of: "ChannelTest.CallPendingTransactionsUseDifferentIds",
    claim: "20 requests at once have 20 tags, and each gets its own answer",
    async run({ scene }) {
      const user = await scene.user();
      const parked = Array.from({ length: 20 }, (_, i) => scene.park(user, `/${i}/slow`));
      expect(new Set(parked.map(({ tag }) => tag)).size).toBe(20);
      await scene.release();
      expect(parked.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(
        parked.map((_, i) => `/${i}/slow`),
      );
    },
  },
  {
    of: "ChannelTest.CallWrittenBytesSmallerThanZxTxIdReturnsInvalidArgs",
    claim: "a call without a body is EBADMSG and reaches no handler",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      scene.vault.take();
      expect(say(scene.on(user, OP_CALL, handle))).toBe("EBADMSG");
      expect(scene.vault.take()).toEqual([]);
    },
  },
  {
    of: "ChannelTest.CallResponseBiggerThanRdNumBytesReturnsBufferTooSmall",
    claim: "an answer that does not fit its room is EMSGSIZE, and the channel goes on",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      const long = scene.open(user, `/${"long".repeat(20)}`);
      const body = encodeBody(1);
      expect(say(scene.on(user, OP_CALL, long, { body, room: 8 }))).toBe("EMSGSIZE");
      expect(say(scene.on(user, OP_CALL, handle, { body, room: 8 }))).toBe("ok");
    },
  },
  {
    of: "ChannelTest.ReadMayDiscardWhenBufferTooSmall",
    claim: "an open whose answer does not fit is EMSGSIZE, and the next one works",
    async run({ scene }) {
      const user = await scene.user();
      const { capability } = user.entry("low");
      const ask = { opcode: OP_OPEN, body: "/a", room: 2, capability, arg1: O_READ };
      expect(say(user.result(scene.low, ask))).toBe("EMSGSIZE");
      expect(say(scene.open(user))).toBe("ok");
    },
  },
  {
    of: "ChannelTest.CallBytesFitIsOk",
    claim: "an answer that just fits arrives whole",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      const length = encodeBody("/a").length;
      const answer = user.request(scene.low, {
        ...{ opcode: OP_CALL, handle, body: encodeBody(1), room: length },
      });
      expect([answer.results, valueOf(answer)]).toEqual([[length], "/a"]);
    },
  },
  {
    of: "ChannelTest.ReadAndWriteWithMultipleSizes",
    claim: "1000 reads of random sizes get exactly what was asked for, or what there is",
    async run({ scene }) {
      const user = await scene.user();
      const path = `/${"0123456789".repeat(20)}`;
      const handle = scene.open(user, path);
      const random = seededRandom(5);
      for (let i = 0; i < 1000; i++) {
        const room = random.below(300);
        const answer = user.request(scene.low, { opcode: OP_READ, handle, room });
        const text = Buffer.from(answer.bytes).toString();
        if (text !== path.slice(0, room)) expect.fail(`seed 5, read ${i} of ${room}: ${text}`);
      }
    },
  },
  {
    of: "ChannelTest.CallDeadlineExceededReturnsTimedOut",
    claim: "a request whose time is over is ETIMEDOUT, and the channel goes on",
    async run({ os }) {
      // The time counts for the open, too: on a busy machine it may take several.
      const open = (): Promise<File> =>
        os.open("faulty:/park", { timeoutMs: 100 }).catch((error: { code: string }) => {
          expect(error.code).toBe("ETIMEDOUT");
          return open();
        });
      await using file = await open();
      expect(await codeOf(file.read(Buffer.alloc(8)))).toBe("ETIMEDOUT");
      await using well = await os.open("faulty:/well");
      expect(await well.read(Buffer.alloc(8))).toBe(8);
    },
  },
  {
    of: "ChannelTest.CallNotifiedOnPeerClosed",
    claim: "a caller hears of its provider's death in the middle of the call",
    async run({ os }) {
      await using file = await os.open("faulty:/throw");
      expect(await codeOf(file.read(Buffer.alloc(8)))).toBe("EOWNERDEAD");
    },
  },
  {
    of: "ObjectInfo.missing_rights_fails",
    claim: "what tells of all processes and capabilities needs a name in sys: that covers it",
    async run({ scene }) {
      const inSys = async (url: string, rights: string) =>
        await scene.world.program({ names: [{ url, rights }] });
      const said = (actor: Actor) =>
        (["processes", "capabilities"] as const).map((name) => say(actor.ask(name, {}).result));
      expect(said(await scene.user())).toEqual(["EACCES", "EACCES"]);
      expect(said(await inSys("sys:/counters", "all"))).toEqual(["EACCES", "EACCES"]);
      expect(said(await inSys("sys:/processes", "write"))).toEqual(["EACCES", "EACCES"]);
      expect(said(await inSys("sys:/processes", "read"))[0]).not.toBe("EACCES");
    },
  },
  {
    of: "ObjectInfo.bad_buffer_fails",
    claim: "a stat that has no room is EMSGSIZE; an extent out of the arena is EINVAL",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      expect(say(scene.on(user, OP_FSTAT, handle, { room: 1 }))).toBe("EMSGSIZE");
      const wild = { arenaOffset: 2 ** 31, arenaLength: 512 };
      expect(say(scene.on(user, OP_READ, handle, { room: 0, ...wild }))).toBe("EINVAL");
      expect(scene.read(user, handle)).toBe("/a");
    },
  },
  {
    of: "BadSyscall.NonExistent",
    claim: "an unknown system call is ENOSYS, an unknown operation EBADF or EOPNOTSUPP",
    async run({ scene }) {
      const user = await scene.user();
      const call = (number: number) =>
        say(user.result(0, { opcode: 22, arg1: number, body: encodeBody({}), room: 64 }));
      expect([call(-1), call(SYSCALLS.length), call(2 ** 30)]).toEqual([
        "ENOSYS",
        "ENOSYS",
        "ENOSYS",
      ]);
      const handle = scene.open(user);
      expect(say(scene.on(user, 200, handle))).toBe("EOPNOTSUPP");
      expect(say(scene.on(user, 200, 0))).toBe("EBADF");
    },
  },
];

function valueOf({ bytes }: Answer): unknown {
  const decoded = decodeBody(bytes);
  return "errno" in decoded ? undefined : decoded.value;
}

/** All of them. */
export const ZIRCON_HANDLE: readonly Counterpart[] = [...HANDLES, ...MESSAGES, ...CALLS];
