/** Counterparts of sel4test's tests of system calls, of messages, and of waits. */

import { expect } from "vitest";
import { ClientChannel } from "../../ipc/client-channel.js";
import { encodeBody } from "../../ipc/codec.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { PIPE_BYTES } from "../../ipc/limits.js";
import { OP_CALL, OP_OPEN, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_NONBLOCK, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { EVENT_READ, EVENT_WRITE } from "../../ipc/scheme.js";
import type { Counterpart, Stage } from "./counterpart.js";
import { put, queueOf, say, take, told } from "./scene.js";

/** Both ends of a channel, with nobody else at it. */
function channel(): { client: ClientChannel; provider: ProviderChannel } {
  const memory = allocateChannel(4096);
  const bell = () => new Doorbell(allocateDoorbell());
  return {
    client: new ClientChannel(memory, bell()),
    provider: new ProviderChannel(memory, bell()),
  };
}

/** Both ends of a named pipe of the real machine. */
async function namedPipe(os: Stage["os"], name: string, more = 0) {
  return await Promise.all([
    os.open(`pipe:/${name}`, { mode: O_READ }),
    os.open(`pipe:/${name}`, { mode: O_WRITE | more }),
  ]);
}

/** Runs a line of the shell. Returns its status. */
async function shell(os: Stage["os"], line: string): Promise<number> {
  return (await os.run("sh", { args: ["-c", line], stdio: "null:/" })).status;
}

async function text(os: Stage["os"], url: string): Promise<string> {
  await using file = await os.open(url);
  return (await file.readAll()).toString();
}

const SYSCALLS: readonly Counterpart[] = [
  {
    of: "SYSCALL0001",
    claim: "a write is answered with how much was written",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      expect(scene.on(user, OP_WRITE, handle, { body: "12345", room: 0 })).toBe(5);
    },
  },
  {
    of: "SYSCALL0002",
    claim: "a write that must not wait puts in what there is room for, else EAGAIN",
    run({ scene }) {
      const { writer } = scene.pipe(scene.host);
      const said = [put(writer, Buffer.alloc(PIPE_BYTES - 1)), put(writer, "ab"), put(writer, "b")];
      expect(said).toEqual([PIPE_BYTES - 1, 1, "EAGAIN"]);
    },
  },
  {
    of: "SYSCALL0003",
    claim: "an answer that nobody asked for is counted and dropped",
    run() {
      const { client, provider } = channel();
      provider.complete(77, 1, 0);
      client.poll();
      expect([client.strays, client.inFlight, client.broken]).toEqual([1, 0, false]);
    },
  },
  {
    of: "SYSCALL0004",
    claim: "readiness that is posted often before anybody looks is told once",
    run() {
      const { client, provider } = channel();
      for (let i = 0; i < 10; i++) provider.post(5, EVENT_READ);
      provider.post(5, EVENT_WRITE);
      const seen: number[][] = [];
      client.takeEvents((index, events) => seen.push([index, events]));
      client.takeEvents((index, events) => seen.push([index, events]));
      expect(seen).toEqual([[5, EVENT_READ | EVENT_WRITE]]);
    },
  },
  {
    of: "SYSCALL0005",
    claim: "a call is answered with a value",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      const length = encodeBody("/a").length;
      expect(scene.on(user, OP_CALL, handle, { body: encodeBody(null) })).toBe(length);
    },
  },
  {
    of: "SYSCALL0010",
    claim: "a read is answered with data, ten times over",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user, "/a/b");
      for (let i = 0; i < 10; i++) expect(scene.read(user, handle)).toBe("/a/b");
    },
  },
  {
    of: "SYSCALL0011",
    claim: "answering one request and taking the next go on for ever",
    async run({ scene }) {
      const user = await scene.user();
      for (let i = 0; i < 200; i++) {
        const handle = scene.open(user, `/${i}`);
        expect([scene.read(user, handle), scene.close(user, handle)]).toEqual([`/${i}`, "ok"]);
      }
      expect(scene.vault.open).toBe(0);
    },
  },
  {
    of: "SYSCALL0012",
    claim: "a read that must not wait is EAGAIN, and gets the data once it is there",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      expect(take(reader)).toBe("EAGAIN");
      put(writer, "x");
      expect(take(reader)).toBe("x");
    },
  },
  {
    of: "SYSCALL0013",
    claim: "a read that waits is answered when there is something",
    async run({ scene }) {
      const user = await scene.user();
      const parked = scene.park(user);
      await scene.world.settle();
      expect(parked.results).toEqual([]);
      await scene.release();
      expect(parked.results).toEqual(["/a/slow".length]);
    },
  },
];

const IPC: readonly Counterpart[] = [
  {
    of: "IPC0001",
    claim: "within one process: what is written to a pipe is read from it",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      for (let i = 0; i < 10; i++) {
        put(writer, `message ${i}`);
        expect(take(reader)).toBe(`message ${i}`);
      }
    },
  },
  {
    of: "IPC0002",
    claim: "100 calls in a row each get their own answer",
    async run({ scene }) {
      const user = await scene.user();
      for (let i = 0; i < 100; i++) {
        const handle = scene.open(user, `/${i}`);
        const result = scene.on(user, OP_CALL, handle, { body: encodeBody(i) });
        expect(result).toBe(encodeBody(`/${i}`).length);
        scene.close(user, handle);
      }
    },
  },
  {
    of: "IPC0003",
    claim: "40 requests that are sent at once are served in their order",
    async run({ scene }) {
      const user = await scene.user();
      const { capability } = user.entry("low");
      const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
      const channel = user.channels.get(scene.low);
      for (const body of paths) {
        channel?.send({ opcode: OP_OPEN, body, room: 64, capability, arg1: O_READ });
      }
      await scene.world.settle();
      expect(scene.vault.take().map(({ path }) => path)).toEqual(paths);
    },
  },
  {
    of: "IPC0004",
    claim: "writes that must not wait lose nothing that they said they took",
    run({ scene }) {
      const { reader, writer } = scene.pipe(scene.host);
      let taken = 0;
      for (let i = 0; i < 20; i++) {
        const count = put(writer, Buffer.alloc(5000, i));
        if (typeof count === "number") taken += count;
      }
      expect([taken, take(reader, 2 * PIPE_BYTES).length]).toEqual([PIPE_BYTES, PIPE_BYTES]);
    },
  },
  {
    of: "IPC1001",
    claim: "across processes: one program's output is another's input",
    async run({ os }) {
      expect(await shell(os, "echo one two three | cat > ram:/ipc1001")).toBe(0);
      expect(await text(os, "ram:/ipc1001")).toBe("one two three\n");
    },
  },
  {
    of: "IPC1002",
    claim: "across processes: calls to another thread each get their own answer",
    async run({ os }) {
      await using file = await os.open("time:/monotonic");
      for (let i = 0; i < 10; i++) expect(await file.call({ afterMs: 0 })).toBeTypeOf("number");
    },
  },
  {
    of: "IPC1003",
    claim: "across processes: 200 requests at once are all answered, with their own data",
    async run({ os }) {
      await using made = await os.open("ram:/ipc1003", { mode: "write" });
      await made.write(Buffer.from(Array.from({ length: 200 }, (_, i) => i)));
      await using file = await os.open("ram:/ipc1003");
      const all = Array.from({ length: 200 }, async (_, i) => {
        const byte = Buffer.alloc(1);
        await file.read(byte, i);
        return byte[0];
      });
      expect(await Promise.all(all)).toEqual(all.map((_, i) => i));
    },
  },
  {
    of: "IPC1004",
    claim: "across processes: a reader gets exactly what a writer in a hurry got rid of",
    async run({ os }) {
      const [reader, writer] = await namedPipe(os, "ipc1004", O_NONBLOCK);
      const sent = Buffer.alloc(PIPE_BYTES, 7);
      expect(await writer.write(sent)).toBe(PIPE_BYTES);
      await writer.close();
      expect((await reader.readAll()).equals(sent)).toBe(true);
      await reader.close();
    },
  },
  {
    of: "IPC0010",
    claim: "a client that ends in the middle of its call is cut off; the daemon serves the others",
    async run({ scene }) {
      const [victim, other] = [await scene.user(), await scene.user()];
      const handle = scene.open(other);
      scene.park(victim);
      await scene.world.kill(victim.pid);
      expect(scene.read(other, handle)).toBe("/a");
      expect(scene.vault.open).toBe(1);
    },
  },
  {
    of: "IPC0019",
    claim: "a request of a client that is gone before it was taken never reaches a handler",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user);
      scene.vault.take();
      user.channels.get(scene.low)?.send({ opcode: OP_WRITE, handle, body: "late" });
      await scene.world.kill(user.pid);
      expect(scene.vault.take()).toEqual([]);
    },
  },
  {
    of: "IPC0020",
    claim: "a handler whose client dies is told, and its client is drained only then",
    async run({ scene }) {
      const user = await scene.user();
      const parked = scene.park(user);
      const before = scene.world.actor("low").drains.length;
      await scene.world.kill(user.pid);
      expect(scene.world.actor("low").drains.length).toBe(before + 1);
      await scene.release();
      expect(parked.results).toEqual([]);
    },
  },
  {
    of: "IPC0023",
    claim: "a request whose handle its client has closed meanwhile is answered, once",
    async run({ scene }) {
      const user = await scene.user();
      const handle = scene.open(user, "/a/slow");
      const parked = user.request(scene.low, { opcode: OP_READ, handle, room: 64 });
      scene.close(user, handle);
      await scene.release();
      expect(parked.results).toEqual(["/a/slow".length]);
      expect(scene.read(user, handle)).toBe("EBADF");
    },
  },
  {
    of: "IPC0024",
    claim: "a client whose provider ends in the middle hears that the outcome is unknown",
    async run({ os }) {
      await using file = await os.open("faulty:/exit");
      await expect(file.read(Buffer.alloc(8))).rejects.toMatchObject({
        ...{ code: "EOWNERDEAD", outcome: "unknown" },
      });
    },
  },
];

const WAITS: readonly Counterpart[] = [
  {
    of: "NBWAIT0001",
    claim: "asking for a child's end without waiting says that it has not ended",
    async run({ scene }) {
      const parent = await scene.user();
      const child = await scene.world.program({ by: parent });
      const asked = parent.ask("wait", { pid: child.pid, poll: true });
      expect([say(asked.result), asked.value]).toEqual(["ok", null]);
    },
  },
  {
    of: "BIND0001",
    claim: "one queue tells of a daemon's file and of a pipe",
    async run({ os }) {
      const [reader, writer] = await namedPipe(os, "bind0001");
      await using file = await os.open("ram:/bind0001", { mode: "write" });
      await using queue = await os.events();
      await queue.watch(file, EVENT_WRITE);
      await queue.watch(reader, EVENT_READ);
      await writer.write("x");
      const urls = new Set<string>();
      while (urls.size < 2) for (const { file } of await queue.next()) urls.add(file.url);
      expect([...urls].sort()).toEqual(["pipe:/", "ram:/bind0001"]);
      await reader.close();
      await writer.close();
    },
  },
  {
    of: "BIND0002",
    claim: "a queue that watches one pipe tells of that and of no other",
    run({ scene }) {
      const [one, two] = [scene.pipe(scene.host), scene.pipe(scene.host)];
      const queue = queueOf([one.reader]);
      put(two.writer, "x");
      expect(told(queue)).toBe("EAGAIN");
      put(one.writer, "x");
      expect(told(queue)).toEqual([[1, EVENT_READ]]);
    },
  },
  {
    of: "BIND0003",
    claim: "who waits first is woken by who sends later",
    async run({ os }) {
      const [reader, writer] = await namedPipe(os, "bind0003");
      const bytes = Buffer.alloc(4);
      const reading = reader.read(bytes);
      await writer.write("late");
      expect([await reading, bytes.toString()]).toEqual([4, "late"]);
      await reader.close();
      await writer.close();
    },
  },
  {
    of: "BIND0004",
    claim: "what was sent first is there for who waits later",
    async run({ os }) {
      const [reader, writer] = await namedPipe(os, "bind0004");
      await writer.write("soon");
      const bytes = Buffer.alloc(4);
      expect([await reader.read(bytes), bytes.toString()]).toEqual([4, "soon"]);
      await reader.close();
      await writer.close();
    },
  },
];

/** All of them. */
export const SEL4_IPC: readonly Counterpart[] = [...SYSCALLS, ...IPC, ...WAITS];
