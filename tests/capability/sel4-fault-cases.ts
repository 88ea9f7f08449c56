/** Counterparts of sel4test's tests of faults, of several cores, and of a driver's clients. */

import { expect } from "vitest";
import type { Counterpart, Stage } from "./counterpart.js";

const HAMMER = new URL("./programs/hammer.js", import.meta.url);

/** A daemon that ends, or answers wrongly, in the middle of a read. */
function fault(of: string, how: string, code: string): Counterpart {
  return {
    of,
    claim: `a handler's ${how} is its client's ${code}; others are served as before`,
    async run({ os }) {
      await using file = await os.open(`faulty:/${how}`);
      await expect(file.read(Buffer.alloc(16))).rejects.toMatchObject({ code });
      await using well = await os.open("faulty:/well");
      expect(await well.read(Buffer.alloc(16))).toBe(16);
    },
  };
}

const FAULTS: readonly Counterpart[] = [
  fault("PAGEFAULT0001", "throw", "EOWNERDEAD"),
  fault("PAGEFAULT0002", "throw-undefined", "EOWNERDEAD"),
  fault("PAGEFAULT0003", "reject", "EOWNERDEAD"),
  fault("PAGEFAULT0004", "overflow", "EOWNERDEAD"),
  fault("PAGEFAULT1001", "too-much", "EIO"),
  fault("PAGEFAULT1002", "negative", "EIO"),
  fault("PAGEFAULT1003", "fraction", "EIO"),
  fault("PAGEFAULT1004", "errno", "EAGAIN"),
  {
    of: "TIMEOUTFAULT0001",
    claim: "a server that never comes back from a request is found and replaced; the read goes on",
    async run({ os }) {
      await using file = await os.open("zero:/");
      const back = os.hang("zero");
      expect(await file.read(Buffer.alloc(8))).toBe(8);
      expect((await back).at).toBe("hang");
    },
  },
  {
    of: "TIMEOUTFAULT0002",
    claim: "two servers that hang at once both come back",
    async run({ os }) {
      await using zero = await os.open("zero:/");
      await using rand = await os.open("rand:/");
      const backs = [os.hang("zero"), os.hang("rand")];
      const read = await Promise.allSettled([
        zero.read(Buffer.alloc(8)),
        rand.read(Buffer.alloc(8)),
      ]);
      await Promise.all(backs);
      expect(read).toHaveLength(2);
      expect(await zero.read(Buffer.alloc(8))).toBe(8);
    },
  },
  {
    of: "TIMEOUTFAULT0003",
    claim: "a server that hangs again as soon as it is back comes back again",
    async run({ os }) {
      await using file = await os.open("zero:/");
      for (let i = 0; i < 2; i++) {
        const back = os.hang("zero");
        expect(await file.read(Buffer.alloc(8))).toBe(8);
        await back;
      }
    },
  },
  {
    of: "CACHEFLUSH0004",
    claim: "a short read leaves the rest of the caller's bytes alone: nothing old shines through",
    async run({ os }) {
      await using made = await os.open("ram:/short", { mode: "write" });
      await made.write("secret of before");
      await using file = await os.open("ram:/short", { mode: "write" });
      await file.write("new");
      await using reader = await os.open("ram:/short");
      const bytes = Buffer.alloc(16, 0x2e);
      expect([await reader.read(bytes), bytes.toString()]).toEqual([3, `new${".".repeat(13)}`]);
    },
  },
];

/** Runs `what` until it says that it has done something. */
async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setImmediate(resolve));
}

/** Ends every process of a name, also those that are still starting, until the runs are over. */
async function endAll<T>(os: Stage["os"], name: string, runs: Promise<T>[]): Promise<T[]> {
  let over = false;
  const all = Promise.all(runs).finally(() => {
    over = true;
  });
  await until(async () => {
    const named = (await os.processes()).filter((process) => process.name === name);
    for (const { pid, state } of named) {
      if (state === "running") await os.kill(pid).catch(() => undefined);
    }
    return over;
  });
  return await all;
}

const CORES: readonly Counterpart[] = [
  {
    of: "MULTICORE0001",
    claim: "a program that waits in another thread is ended, and its starter told",
    async run({ os }) {
      const run = os.run("sleep", { args: ["1000"], stdio: "null:/" });
      expect(await endAll(os, "sleep", [run])).toMatchObject([{ status: 137 }]);
    },
  },
  {
    of: "MULTICORE0002",
    claim: "a program that never waits is ended as well",
    async run({ os }) {
      const run = os.run("dd", { args: ["if=zero:/", "of=null:/", "count=1000000000"] });
      expect(await endAll(os, "dd", [run])).toMatchObject([{ status: 137 }]);
    },
  },
  {
    of: "MULTICORE0003",
    claim: "a provider that is ended while its client calls it is back for the same call",
    async run({ os }) {
      await using file = await os.open("zero:/");
      const death = os.killAt("zero", "dequeued");
      expect(await file.read(Buffer.alloc(8))).toBe(8);
      expect((await death).at).toBe("dequeued");
    },
  },
  {
    of: "MULTICORE0004",
    claim: "revoking what a program uses at that moment, in another thread, stops it with EACCES",
    async run({ os }) {
      await using file = await os.open("ram:/hammer", { mode: "write" });
      await file.write("0123456789abcdef");
      const namespace = [
        { url: "ram:/hammer", rights: "read" },
        { url: "ram:/hammering", rights: "write create" },
        { url: "null:/", rights: "read write" },
      ];
      const args = ["ram:/hammer", "ram:/hammering"];
      const ended = os.run(HAMMER, { args, stdio: "null:/", namespace });
      await until(() =>
        os.stat("ram:/hammering").then(
          () => true,
          () => false,
        ),
      );
      const own = (await os.capabilities()).find(
        ({ holder, root }) => holder === "hammer.js" && root === "/hammer",
      );
      await os.revoke(own?.id ?? 0);
      expect(await ended).toEqual({ status: 13 });
    },
  },
  {
    of: "MULTICORE0005",
    claim: "clients that are ended in the middle of their calls leave nothing behind",
    async run({ os }) {
      const count = async () => (await os.capabilities()).length;
      const before = await count();
      const run = () => os.run("dd", { args: ["if=zero:/", "of=null:/", "count=1000000000"] });
      const ended = await endAll(os, "dd", [run(), run()]);
      expect(ended).toMatchObject([{ status: 137 }, { status: 137 }]);
      await until(async () => (await count()) === before);
    },
  },
];

async function shell(os: Stage["os"], line: string): Promise<number> {
  return (await os.run("sh", { args: ["-c", line], stdio: "null:/" })).status;
}

/** What clients do with the serial driver, from the host's thread and from programs. */
const SERIAL: readonly Counterpart[] = [
  {
    of: "SERSERV_CLIENT_001",
    claim: "eight clients in one process connect to the serial driver",
    async run({ os }) {
      const open = () => os.open("serial:/", { mode: "read-write" });
      const files = await Promise.all(Array.from({ length: 8 }, open));
      expect(new Set(files).size).toBe(8);
      for (const file of files) await file.close();
    },
  },
  {
    of: "SERSERV_CLIENT_002",
    claim: "eight clients print at once, and each is told that all of it is out",
    async run({ os }) {
      const print = async (_: unknown, i: number) => {
        await using file = await os.open("serial:/", { mode: "read-write" });
        return await file.write(`client ${i}\n`);
      };
      const counts = await Promise.all(Array.from({ length: 8 }, print));
      expect(counts).toEqual(counts.map(() => 9));
    },
  },
  {
    of: "SERSERV_CLIENT_003",
    claim: "a long write to the serial line is written whole",
    async run({ os }) {
      await using file = await os.open("serial:/", { mode: "read-write" });
      expect(await file.write("x".repeat(5000))).toBe(5000);
    },
  },
  {
    of: "SERSERV_CLIENT_004",
    claim: "a connection outlives the driver's death",
    async run({ os }) {
      await using file = await os.open("serial:/", { mode: "read-write" });
      await os.kill("uartd");
      await until(async () => {
        const uartd = (await os.processes()).find(({ name }) => name === "uartd");
        return uartd?.state === "running";
      });
      expect(await file.write("again\n")).toBe(6);
    },
  },
  {
    of: "SERSERV_CLIENT_005",
    claim: "a client that lets go of its capability is disconnected, the others are not",
    async run({ os }) {
      await using kept = await os.open("serial:/", { mode: "read-write" });
      const narrowed = await os.narrow("serial:/", "read write");
      const file = await narrowed.open("serial:/", { mode: "read-write" });
      await narrowed.revoke();
      await expect(file.write("no\n")).rejects.toMatchObject({ code: "EACCES" });
      expect(await kept.write("yes\n")).toBe(4);
    },
  },
  {
    of: "SERSERV_CLI_PROC_001",
    claim: "four programs connect to the serial driver at once",
    async run({ os }) {
      const run = () => os.run("true", { stdio: "serial:/" });
      const all = await Promise.all(Array.from({ length: 4 }, run));
      expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    },
  },
  {
    of: "SERSERV_CLI_PROC_002",
    claim: "four programs print at once",
    async run({ os }) {
      const run = () => os.run("echo", { args: ["hello"], stdio: "serial:/" });
      const all = await Promise.all(Array.from({ length: 4 }, run));
      expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    },
  },
  {
    of: "SERSERV_CLI_PROC_003",
    claim: "a program writes a file to the serial line",
    async run({ os }) {
      const line = "dd if=zero:/ of=ram:/serserv bs=1000 count=5; cat ram:/serserv > serial:/";
      expect(await shell(os, line)).toBe(0);
    },
  },
  {
    of: "SERSERV_CLI_PROC_004",
    claim: "a program that is ended while it prints leaves the line to the next",
    async run({ os }) {
      const run = os.run("dd", { args: ["if=zero:/", "of=serial:/", "count=100000000"] });
      expect(await endAll(os, "dd", [run])).toMatchObject([{ status: 137 }]);
      expect(await os.run("echo", { args: ["next"], stdio: "serial:/" })).toEqual({ status: 0 });
    },
  },
  {
    of: "SERSERV_CLI_PROC_005",
    claim: "when all programs have ended, the driver has no client of them left",
    async run({ os }) {
      const holders = async () =>
        (await os.capabilities()).filter(
          ({ scheme, holder }) => scheme === "serial" && !["host", "uartd"].includes(holder),
        ).length;
      await Promise.all(Array.from({ length: 4 }, () => os.run("true", { stdio: "serial:/" })));
      await until(async () => (await holders()) === 0);
    },
  },
];

/** All of them. */
export const SEL4_FAULT: readonly Counterpart[] = [...FAULTS, ...CORES, ...SERIAL];
