/** Counterparts of Zircon's tests of ports and waits: the event queue takes their place here. */

import { expect } from "vitest";
import { OP_WRITE } from "../../ipc/opcode.js";
import { EVENT_HANGUP, EVENT_READ, EVENT_WRITE } from "../../ipc/scheme.js";
import { EventQueue } from "../../kernel/gate/event-queue.js";
import { LocalRequest } from "../../kernel/gate/objects.js";
import type { Counterpart } from "./counterpart.js";
import { type Ends, put, queueOf, type Scene, take, told } from "./scene.js";

function pipes(scene: Scene, count: number): Ends[] {
  return Array.from({ length: count }, () => scene.pipe(scene.host));
}

/** All orders of the numbers below `count`. */
function orders(count: number): number[][] {
  if (count === 0) return [[]];
  return orders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, count - 1)),
  );
}

const PORT: readonly Counterpart[] = [
  {
    of: "PortTest.QueueNullPtrReturnsInvalidArgs",
    claim: "nobody writes into a queue: EOPNOTSUPP",
    run() {
      const queue = new EventQueue(-1);
      const request = new LocalRequest(OP_WRITE, queue);
      request.bytes = new Uint8Array(8);
      queue.attempt(request);
      expect(request.result).toBe(-95);
    },
  },
  {
    of: "PortTest.PortTimeout",
    claim: "an empty queue that is not to wait is EAGAIN",
    run() {
      expect(told(new EventQueue(-1))).toBe("EAGAIN");
    },
  },
  {
    of: "PortTest.QueueAndClose",
    claim: "what was told of a pipe that has closed since is still told, with its hang-up",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      put(ends.writer, "x");
      scene.closeEnd(ends, "writer");
      expect(told(queue)).toEqual([[1, EVENT_READ]]);
      take(ends.reader);
      expect(told(queue)).toEqual([[1, EVENT_READ | EVENT_HANGUP]]);
    },
  },
  {
    of: "PortTest.AsyncWaitChannel",
    claim: "a queue tells of data, and falls silent when it is read",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      put(ends.writer, "x");
      expect(told(queue)).toEqual([[1, EVENT_READ]]);
      take(ends.reader);
      expect(told(queue)).toBe("EAGAIN");
    },
  },
  {
    of: "PortTest.AsyncWaitChannelTimedOut",
    claim: "a queue tells of nothing that is not watched for",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader], EVENT_WRITE);
      put(ends.writer, "x");
      expect(told(queue)).toBe("EAGAIN");
    },
  },
  {
    of: "PortTest.AsyncWaitCloseOrder",
    claim: "data, closing and unwatching in each of the six orders leave nothing strange",
    run({ scene }) {
      for (const order of orders(3)) {
        const [ends] = pipes(scene, 1) as [Ends];
        const queue = queueOf([ends.reader]);
        const steps = [
          () => put(ends.writer, "x"),
          () => scene.closeEnd(ends, "writer"),
          () => queue.watch(ends.reader, { id: 1, mask: 0 }),
        ];
        for (const step of order) steps[step]?.();
        expect([order, told(queue)]).toEqual([order, "EAGAIN"]);
        scene.closeEnd(ends, "reader");
      }
    },
  },
  {
    of: "PortTest.EventAsyncSignalWaitSingle",
    claim: "writing often before the queue is asked is one event",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      for (let i = 0; i < 100; i++) put(ends.writer, "x");
      expect(told(queue)).toEqual([[1, EVENT_READ]]);
    },
  },
  {
    of: "PortTest.AsyncWaitEventRepeat",
    claim: "a watch goes on until it is ended: 24 times the same",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      for (let i = 0; i < 24; i++) {
        put(ends.writer, "x");
        expect(told(queue)).toEqual([[1, EVENT_READ]]);
        take(ends.reader);
      }
    },
  },
  {
    of: "PortTest.AsyncWaitEventManyAllProcessed",
    claim: "a queue that watches 100 pipes tells of each, once",
    run({ scene }) {
      const all = pipes(scene, 100);
      const queue = queueOf(all.map(({ reader }) => reader));
      for (const { writer } of all) put(writer, "x");
      const events = told(queue);
      expect(events).toEqual(all.map((_, i) => [i + 1, EVENT_READ]));
    },
  },
  {
    of: "PortTest.ChannelAsyncWaitOnExistingStateIsNotified",
    claim: "what was true before the watch began is told",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      put(ends.writer, "x");
      expect(told(queueOf([ends.reader]))).toEqual([[1, EVENT_READ]]);
    },
  },
  {
    of: "PortTest.CancelEventKey",
    claim: "ending one watch leaves the others",
    run({ scene }) {
      const [one, two] = pipes(scene, 2) as [Ends, Ends];
      const queue = queueOf([one.reader, two.reader]);
      put(one.writer, "x");
      put(two.writer, "x");
      queue.watch(one.reader, { id: 1, mask: 0 });
      expect(told(queue)).toEqual([[2, EVENT_READ]]);
    },
  },
  {
    of: "PortTest.CancelEventKeyAfter",
    claim: "what had happened before a watch was ended is not told after it",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      queue.post(ends.reader, EVENT_READ);
      queue.watch(ends.reader, { id: 1, mask: 0 });
      expect(told(queue)).toBe("EAGAIN");
    },
  },
];

const WAIT: readonly Counterpart[] = [
  {
    of: "ObjectWaitOneTest.WaitForEventSignaled",
    claim: "a wait for what holds already is over at once",
    async run({ os }) {
      await using queue = await os.events();
      await using file = await os.open("ram:/ready", { mode: "write" });
      await queue.watch(file, EVENT_WRITE);
      expect((await queue.next()).map(({ events }) => events)).toEqual([EVENT_WRITE]);
    },
  },
  {
    of: "ObjectWaitOneTest.WaitForEventThenSignal",
    claim: "a wait that has begun is ended by what comes later",
    async run({ os }) {
      const [reader, writer] = await Promise.all([
        os.open("pipe:/later", { mode: 1 }),
        os.open("pipe:/later", { mode: 2 }),
      ]);
      await using queue = await os.events();
      await queue.watch(reader, EVENT_READ);
      const waiting = queue.next();
      await writer.write("x");
      expect((await waiting).map(({ events }) => events)).toEqual([EVENT_READ]);
      await reader.close();
      await writer.close();
    },
  },
  {
    of: "ObjectWaitOneTest.WaitForEventTimeoutPreSignalClear",
    claim: "what came and was taken again is not told",
    run({ scene }) {
      const [ends] = pipes(scene, 1) as [Ends];
      const queue = queueOf([ends.reader]);
      put(ends.writer, "x");
      take(ends.reader);
      expect(told(queue)).toBe("EAGAIN");
    },
  },
  {
    of: "ObjectWaitManyTest.WaitForEventsSignaled",
    claim: "of eight, exactly the two that were written to are told",
    run({ scene }) {
      const all = pipes(scene, 8);
      const queue = queueOf(all.map(({ reader }) => reader));
      for (const i of [2, 5]) put(all[i]?.writer as Ends["writer"], "x");
      expect(told(queue)).toEqual([
        [3, EVENT_READ],
        [6, EVENT_READ],
      ]);
    },
  },
  {
    of: "ObjectWaitManyTest.WaitForEventsThenSignal",
    claim: "of eight, the two that are written to one after the other are told as they come",
    run({ scene }) {
      const all = pipes(scene, 8);
      const queue = queueOf(all.map(({ reader }) => reader));
      expect(told(queue)).toBe("EAGAIN");
      for (const i of [1, 6]) {
        put(all[i]?.writer as Ends["writer"], "x");
        expect(told(queue)).toEqual([[i + 1, EVENT_READ]]);
        take(all[i]?.reader as Ends["reader"]);
      }
    },
  },
  {
    of: "ObjectWaitManyTest.InvalidHandle",
    claim: "one watched file that is closed does not spoil the others",
    run({ scene }) {
      const [one, two] = pipes(scene, 2) as [Ends, Ends];
      const queue = queueOf([one.reader, two.reader]);
      scene.closeEnd(one, "reader");
      put(two.writer, "x");
      expect(told(queue)).toContainEqual([2, EVENT_READ]);
    },
  },
];

/** All of them. */
export const ZIRCON_WAIT: readonly Counterpart[] = [...PORT, ...WAIT];
