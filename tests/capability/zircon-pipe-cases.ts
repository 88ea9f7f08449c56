/** Counterparts of Zircon's tests of channels, fifos and sockets whose place pipes take here. */

import { expect } from "vitest";
import { PIPE_BYTES, PIPE_ENDS_PER_PROCESS_MAX } from "../../ipc/limits.js";
import { EVENT_HANGUP, EVENT_READ, EVENT_WRITE } from "../../ipc/scheme.js";
import type { Actor } from "./actor.js";
import type { Counterpart } from "./counterpart.js";
import { type Ends, put, queueOf, type Scene, say, take, told } from "./scene.js";

/** A child of the host that was given one end of a pipe. */
async function childWith(scene: Scene, id: number): Promise<Actor> {
  return await scene.world.program({ names: [], stdio: [{ object: id }] });
}

/** The end that a child was given. */
function endOf(scene: Scene, child: Actor) {
  const [first] = child.stdio;
  if (first?.kind !== "object") throw new RangeError("no end was inherited");
  child.heard.push({ kind: "object", object: first.object });
  return scene.end(child, first.object.id);
}

const CHANNEL: readonly Counterpart[] = [
  {
    of: "ChannelTest.CreateIsOkAndEndpointsAreRelated",
    claim: "pipe() gives two ends of one thing: what goes in here comes out there, and only there",
    run({ scene }) {
      const [one, other] = [scene.pipe(scene.host), scene.pipe(scene.host)];
      expect(put(one.writer, "hello")).toBe(5);
      expect([take(other.reader), take(one.reader)]).toEqual(["EAGAIN", "hello"]);
    },
  },
  {
    of: "ChannelTest.IsWriteableByDefault",
    claim: "a fresh pipe is writable and not readable",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      expect([writer.readiness(), reader.readiness()]).toEqual([EVENT_WRITE, 0]);
    },
  },
  {
    of: "ChannelTest.WriteToEndpointCausesOtherToBecomeReadable",
    claim: "writing makes the other end readable, reading all of it ends that",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      put(writer, "x");
      expect(reader.readiness()).toBe(EVENT_READ);
      take(reader);
      expect(reader.readiness()).toBe(0);
    },
  },
  {
    of: "ChannelTest.WaitManyIsSignaledOnAnyElementWrite",
    claim: "a queue that watches two pipes tells of the one that was written to",
    run({ scene }) {
      const [one, two] = [scene.pipe(scene.host), scene.pipe(scene.host)];
      const queue = queueOf([one.reader, two.reader]);
      expect(told(queue)).toBe("EAGAIN");
      put(two.writer, "x");
      expect(told(queue)).toEqual([[2, EVENT_READ]]);
    },
  },
  {
    of: "ChannelTest.WaitManyIsSignaledForBothWrites",
    claim: "a queue that watches two pipes tells of both when both were written to",
    run({ scene }) {
      const [one, two] = [scene.pipe(scene.host), scene.pipe(scene.host)];
      const queue = queueOf([one.reader, two.reader]);
      put(one.writer, "x");
      put(two.writer, "x");
      expect(told(queue)).toEqual([
        [1, EVENT_READ],
        [2, EVENT_READ],
      ]);
    },
  },
  {
    of: "ChannelTest.ReadWhenEmptyReturnsShouldWait",
    claim: "reading an empty pipe without waiting is EAGAIN",
    run({ scene }) {
      expect(take(scene.pipe(scene.host).reader)).toBe("EAGAIN");
    },
  },
  {
    of: "ChannelTest.ReadWhenEmptyAndClosedReturnsPeerClosed",
    claim: "an empty pipe whose writer is gone reads as its end",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      scene.closeEnd(ends, "writer");
      expect(take(ends.reader)).toBe("");
    },
  },
  {
    of: "ChannelTest.ReadRemainingMessagesWhenPeerIsClosed",
    claim: "what was written before the writer closed is read first, then comes the end",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      put(ends.writer, "last words");
      scene.closeEnd(ends, "writer");
      expect([take(ends.reader, 4), take(ends.reader), take(ends.reader)]).toEqual([
        ...["last", " words", ""],
      ]);
    },
  },
  {
    of: "ChannelTest.CloseSignalsPeerClosed",
    claim: "closing the writer is a hang-up for the reader, also through a queue",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      const queue = queueOf([ends.reader]);
      scene.closeEnd(ends, "writer");
      expect(told(queue)).toEqual([[1, EVENT_READ | EVENT_HANGUP]]);
    },
  },
  {
    of: "ChannelTest.CloseClearsSignalsWriteable",
    claim: "a writer without readers is told of the hang-up",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      scene.closeEnd(ends, "reader");
      expect(ends.writer.readiness() & EVENT_HANGUP).toBe(EVENT_HANGUP);
    },
  },
  {
    of: "ChannelTest.CloseSignalsPeerReturnsPeerClosed",
    claim: "writing to a pipe that nobody reads any more is EPIPE",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      scene.closeEnd(ends, "reader");
      expect(put(ends.writer, "x")).toBe("EPIPE");
    },
  },
  {
    of: "ChannelTest.ConcurrentReadsConsumeUniqueElements",
    claim: "several readers of one pipe get each of 5000 bytes once",
    async run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      const others = [await childWith(scene, reader.id), await childWith(scene, reader.id)];
      const readers = [reader, ...others.map((child) => endOf(scene, child))];
      const counts = new Map<number, number>();
      for (let i = 0; i < 5000; i += 100) {
        put(writer, Buffer.from(Array.from({ length: 100 }, (_, j) => ((i + j) % 250) + 1)));
        for (let n = 0; n < 100; n++) {
          const byte = Buffer.from(take(readers[n % 3] ?? reader, 1), "latin1")[0] ?? 0;
          counts.set(byte, (counts.get(byte) ?? 0) + 1);
        }
        expect(readers.map((end) => take(end))).toEqual(["EAGAIN", "EAGAIN", "EAGAIN"]);
      }
      expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(5000);
    },
  },
  {
    of: "ChannelTest.OnFlightHandlesSignalledWhenPeerIsClosed",
    claim: "an end in transit is closed when its receiver dies: the other end hears of it",
    async run({ scene }) {
      const ends = scene.pipe(scene.host);
      const child = await childWith(scene, ends.writer.id);
      scene.closeEnd(ends, "writer");
      expect(take(ends.reader)).toBe("EAGAIN");
      await scene.world.kill(child.pid);
      scene.hear(scene.host, [ends.reader]);
      expect(take(ends.reader)).toBe("");
    },
  },
];

const TRANSFER: readonly Counterpart[] = [
  {
    of: "HandleTransferTest.OverChannelThenRead",
    claim: "an end that was passed to a child works there, with what was written before",
    async run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      put(writer, "before ");
      const child = await childWith(scene, reader.id);
      put(writer, "after");
      expect(take(endOf(scene, child))).toBe("before after");
    },
  },
  {
    of: "HandleTransferTest.CancelsWait",
    claim: "passing an end on takes nothing from its owner: both hold it from then on",
    async run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      const child = await childWith(scene, reader.id);
      put(writer, "one");
      expect(take(reader)).toBe("one");
      put(writer, "two");
      expect(take(endOf(scene, child))).toBe("two");
    },
  },
];

const FIFO: readonly Counterpart[] = [
  {
    of: "FifoTest.InvalidParametersReturnOutOfRange",
    claim: "a pipe's kernel object is named by a whole number: anything else is EINVAL",
    run({ scene }) {
      for (const id of [-1, 0.5, "1", null, {}]) {
        expect(say(scene.host.ask("close-object", { id }).result)).toBe("EINVAL");
      }
    },
  },
  {
    of: "FifoTest.EndpointsAreRelated",
    claim: "a stranger's number of an end closes nothing and shares nothing",
    async run({ scene }) {
      const ends = scene.pipe(scene.host);
      const stranger = await scene.user();
      stranger.ask("close-object", { id: ends.writer.id });
      expect(put(ends.writer, "x")).toBe(1);
      const body = { program: "program", args: [], cwd: "file:/" };
      const stdio = [{ object: ends.writer.id }];
      expect(say(stranger.ask("spawn", { ...body, stdio }).result)).toBe("EINVAL");
    },
  },
  {
    of: "FifoTest.EmptyQueueReturnsErrShouldWait",
    claim: "an empty pipe has nothing, however often it is asked",
    run({ scene }) {
      const { reader } = scene.pipe(scene.host);
      expect([take(reader), take(reader)]).toEqual(["EAGAIN", "EAGAIN"]);
    },
  },
  {
    of: "FifoTest.ReadAndWriteValidatesSize",
    claim: "reading and writing nothing moves nothing",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      expect([put(writer, ""), take(reader, 0)]).toEqual([0, ""]);
      put(writer, "x");
      expect([take(reader, 0), take(reader)]).toEqual(["", "x"]);
    },
  },
  {
    of: "FifoTest.DequeueSignalsWriteable",
    claim: "a full pipe is not writable; one byte read makes it so",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      expect(put(writer, Buffer.alloc(PIPE_BYTES))).toBe(PIPE_BYTES);
      expect([writer.readiness(), put(writer, "x")]).toEqual([0, "EAGAIN"]);
      take(reader, 1);
      expect([writer.readiness(), put(writer, "x")]).toEqual([EVENT_WRITE, 1]);
    },
  },
  {
    of: "FifoTest.FifoOrderIsPreserved",
    claim: "bytes come out in the order in which they went in, across the ring's end",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      let sent = "";
      let got = "";
      for (let i = 0; got.length < 3 * PIPE_BYTES; i++) {
        const piece = String(i).padStart(7, "0").repeat(500);
        expect(put(writer, piece)).toBe(piece.length);
        sent += piece;
        got += take(reader, piece.length);
      }
      expect(got === sent).toBe(true);
    },
  },
  {
    of: "FifoTest.PartialWriteQueuesElementsThatFit",
    claim: "a write that does not fit puts in what fits and says how much",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      put(writer, Buffer.alloc(PIPE_BYTES - 3, 97));
      expect([put(writer, "12345"), put(writer, "6")]).toEqual([3, "EAGAIN"]);
      take(reader, PIPE_BYTES - 3);
      expect(take(reader)).toBe("123");
    },
  },
  {
    of: "FifoTest.IndividualReadsPreserveOrder",
    claim: "reads of one byte each give the bytes in order",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      put(writer, "abcdef");
      expect(Array.from({ length: 6 }, () => take(reader, 1)).join("")).toBe("abcdef");
    },
  },
  {
    of: "FifoTest.EndpointCloseSignalsPeerClosed",
    claim: "the reader drains first: the end comes when all is read",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      put(ends.writer, "ab");
      scene.closeEnd(ends, "writer");
      expect(ends.reader.readiness()).toBe(EVENT_READ);
      expect([take(ends.reader), take(ends.reader)]).toEqual(["ab", ""]);
    },
  },
];

const SOCKET: readonly Counterpart[] = [
  {
    of: "SocketTest.EmptySocketShouldWait",
    claim: "a named pipe's open waits for the other side, and tells nobody else",
    async run({ scene }) {
      const { host } = scene;
      const { capability } = host.entry("pipe");
      const waiting = host.request(0, { opcode: 1, body: "/n", room: 512, capability, arg1: 1 });
      await scene.world.settle();
      expect(waiting.results).toEqual([]);
      const met = host.request(0, { opcode: 1, body: "/n", room: 512, capability, arg1: 2 });
      await scene.world.settle();
      expect([say(waiting.results[0] ?? -5), say(met.results[0] ?? -5)]).toEqual(["ok", "ok"]);
    },
  },
  {
    of: "SocketTest.WriteReadDataVerify",
    claim: "two writes are one read, and the other way round",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      put(writer, "dead");
      put(writer, "beef");
      expect(take(reader)).toBe("deadbeef");
      put(writer, "deadbeef");
      expect([take(reader, 4), take(reader, 4)]).toEqual(["dead", "beef"]);
    },
  },
  {
    of: "SocketTest.PeerClosedError",
    claim: "a write after the last reader has died is EPIPE",
    async run({ scene }) {
      const ends = scene.pipe(scene.host);
      const child = await childWith(scene, ends.reader.id);
      scene.closeEnd(ends, "reader");
      expect(put(ends.writer, "x")).toBe(1);
      await scene.world.kill(child.pid);
      expect(put(ends.writer, "x")).toBe("EPIPE");
    },
  },
  {
    of: "SocketTest.BytesOutstanding",
    claim: "a read that finds nothing disturbs nothing that comes later",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      take(reader);
      put(writer, "1");
      put(writer, "2");
      expect(take(reader)).toBe("12");
    },
  },
  {
    of: "SocketTest.Signals",
    claim: "readable, writable and hung up come and go with the bytes and the peer",
    run({ scene }) {
      const ends: Ends = scene.pipe(scene.host);
      const { reader, writer } = ends;
      const seen = [[reader.readiness(), writer.readiness()]];
      put(writer, Buffer.alloc(PIPE_BYTES));
      seen.push([reader.readiness(), writer.readiness()]);
      take(reader, PIPE_BYTES);
      seen.push([reader.readiness(), writer.readiness()]);
      scene.closeEnd(ends, "writer");
      seen.push([reader.readiness(), 0]);
      expect(seen).toEqual([
        [0, EVENT_WRITE],
        [EVENT_READ, 0],
        [0, EVENT_WRITE],
        [EVENT_READ | EVENT_HANGUP, 0],
      ]);
    },
  },
  {
    of: "SocketTest.SetDispositionHandleWithoutRight",
    claim: "the reader's end does not write and the writer's does not read",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      expect([put(reader, "x"), take(writer)]).toEqual(["EBADF", "EBADF"]);
    },
  },
  {
    of: "SocketTest.SignalClosedPeer",
    claim: "closing an end twice is nothing the second time",
    run({ scene }) {
      const ends = scene.pipe(scene.host);
      scene.closeEnd(ends, "writer");
      scene.closeEnd(ends, "writer");
      expect([take(ends.reader), scene.world.kernel.pipes.size]).toEqual(["", 1]);
    },
  },
  {
    of: "SocketTest.EndpointsAreRelated",
    claim: "a process has so many ends and then EMFILE; closing gives them back",
    run({ scene }) {
      const all: Ends[] = [];
      for (let i = 0; i < PIPE_ENDS_PER_PROCESS_MAX / 2; i++) all.push(scene.pipe(scene.host));
      expect(say(scene.host.ask("pipe", {}).result)).toBe("EMFILE");
      scene.closeEnd(all[0] as Ends, "reader");
      expect(say(scene.host.ask("pipe", {}).result)).toBe("EMFILE");
      scene.closeEnd(all[0] as Ends, "writer");
      expect(put(scene.pipe(scene.host).writer, "x")).toBe(1);
    },
  },
];

/** All of them. */
export const ZIRCON_PIPE: readonly Counterpart[] = [...CHANNEL, ...TRANSFER, ...FIFO, ...SOCKET];
