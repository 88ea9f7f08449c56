/** The daemon of the network on a machine, with a peer on the other end of its cable. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { O_NONBLOCK, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import type { File } from "../../user/file.js";

const WAIT_MS = 15_000;

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest({ omit: ["virtio-netd"] });
  await os.load(new URL("./peer-network/", import.meta.url));
  await os.load(new URL("../../schemes/netd/", import.meta.url));
});
afterAll(() => os.close());

/** Tries until it is true, or the time is over. */
async function eventually(attempt: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await attempt())) {
    if (Date.now() > end) throw new Error("it did not become true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function read(url: string): Promise<string> {
  await using file = await os.open(url, { timeoutMs: WAIT_MS });
  return (await file.readAll()).toString();
}

const connect = (url: string): Promise<File> =>
  os.open(url, { mode: O_READ | O_WRITE, timeoutMs: WAIT_MS });

async function readSome(file: File): Promise<string> {
  const bytes = new Uint8Array(1000);
  return Buffer.from(bytes.subarray(0, await file.read(bytes))).toString();
}

async function readAllOf(file: File, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count);
  for (let got = 0; got < count; ) {
    const more = await file.read(bytes.subarray(got));
    if (more === 0) throw new Error(`ended after ${got} bytes`);
    got += more;
  }
  return bytes;
}

describe("netd: addresses and names", () => {
  it("netcfg: shows what DHCP brought; whoever comes before that waits for it", async () => {
    expect(await read("dns:/10.0.2.2")).toBe("10.0.2.2\n");
    expect(await read("netcfg:/ifaces/eth0/addr/list")).toBe("10.0.2.15/24\n");
    expect(await read("netcfg:/resolv/nameserver")).toBe("10.0.2.2\n");
    expect(await read("netcfg:/route/list")).toBe(
      "10.0.2.0/24 src 10.0.2.15\ndefault via 10.0.2.2 src 10.0.2.15\n",
    );
    expect(await read("netcfg:/ifaces/eth0/mac")).toBe("52:54:00:12:34:56\n");
  });

  it("netcfg: is a tree, and a wrong line is refused", async () => {
    await using root = await os.open("netcfg:/");
    expect((await root.list()).map(({ name }) => name)).toEqual(["resolv", "route", "ifaces"]);
    await using add = await os.open("netcfg:/route/add", { mode: O_WRITE });
    await expect(add.write("10.9.0.1/16 via 10.0.2.2\n")).rejects.toMatchObject({ code: "EINVAL" });
    await add.write("10.9.0.0/16 via 10.0.2.2\n");
    expect(await read("netcfg:/route/list")).toContain("10.9.0.0/16 via 10.0.2.2 src 10.0.2.15\n");
    await using remove = await os.open("netcfg:/route/rm", { mode: O_WRITE });
    await remove.write("10.9.0.0/16");
    await expect(remove.write("10.9.0.0/16")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("dns: finds a name, and says when there is none", async () => {
    expect(await read("dns:/peer.test")).toBe("10.0.2.2\n");
    await expect(read("dns:/nobody.test")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(read("dns:/not a name")).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("netd: tcp", () => {
  it("a connection carries a megabyte there and back, and ends", async () => {
    await using file = await connect("tcp:/peer.test:7");
    const bytes = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 31 + (i >> 8)));
    const [sent, back] = await Promise.all([file.write(bytes), readAllOf(file, bytes.length)]);
    expect(sent).toBe(bytes.length);
    expect(back.equals(bytes)).toBe(true);
    expect(await file.call({ get: "ends" })).toMatchObject({ remote: "10.0.2.2:7" });
    await file.call({ shutdown: "write" });
    expect(await file.read(new Uint8Array(10))).toBe(0);
    await expect(file.write("x")).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("a port where nobody listens refuses; a path that is none does not exist", async () => {
    await expect(connect("tcp:/10.0.2.2:9")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(connect("tcp:/nonsense")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(connect("tcp:/10.0.2.2:99999")).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("a listener accepts, and its port is taken", async () => {
    await using listener = await connect("tcp:/:8080");
    await expect(connect("tcp:/:8080")).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(await listener.call({ get: "ends" })).toEqual({ local: "0.0.0.0:8080" });
    const accepting = connect("tcp:/:8080/listen");
    await using peer = await os.open("network:/greet/8080");
    await using accepted = await accepting;
    expect(await readSome(accepted)).toBe("hello");
    await accepted.write("welcome");
    await eventually(async () => {
      const bytes = new Uint8Array(20);
      const count = await peer.read(bytes, 0);
      return Buffer.from(bytes.subarray(0, count)).toString() === "welcome";
    });
  });

  it("a handle that does not block says EAGAIN", async () => {
    await using file = await os.open("tcp:/10.0.2.2:7", { mode: O_READ | O_WRITE | O_NONBLOCK });
    await eventually(async () => {
      const { state } = (await file.call({ get: "state" })) as { state: string };
      return state === "established";
    });
    await expect(file.read(new Uint8Array(10))).rejects.toMatchObject({ code: "EAGAIN" });
    expect(await file.write("x")).toBe(1);
  });
});

describe("netd: datagrams", () => {
  it("udp: one write is one datagram, one read another", async () => {
    await using file = await connect("udp:/10.0.2.2:7");
    await file.write("one");
    expect(await readSome(file)).toBe("one");
    await using refused = await connect("udp:/10.0.2.2:9");
    await refused.write("x");
    await expect(readSome(refused)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("icmp: an echo comes back with its number", async () => {
    await using file = await connect("icmp:/echo/10.0.2.2");
    await file.write(Uint8Array.of(7, 0, 1, 2, 3));
    const bytes = new Uint8Array(100);
    const count = await file.read(bytes);
    expect([...bytes.subarray(0, count)]).toEqual([7, 0, 1, 2, 3]);
  });
});

describe("netd: death", () => {
  it("a death in the middle of an exchange ends its requests, and the next one works", async () => {
    await using file = await connect("tcp:/10.0.2.2:7");
    const death = os.killAt("netd", "dequeued", { nth: 3 });
    const codes: string[] = [];
    const until = (code: string): void => {
      codes.push(code);
    };
    while (codes.length === 0) {
      await file.write("ping").catch((error: { code: string }) => until(error.code));
      if (codes.length === 0) {
        await readSome(file).catch((error: { code: string }) => until(error.code));
      }
    }
    expect((await death).at).toBe("dequeued");
    // In flight: nobody knows what became of it. Afterwards: the stream is gone.
    expect(["EOWNERDEAD", "ECONNRESET"]).toContain(codes[0]);
    await expect(file.write("ping")).rejects.toMatchObject({ code: "ECONNRESET" });
    await using again = await connect("tcp:/10.0.2.2:7");
    await again.write("again");
    expect(await readSome(again)).toBe("again");
  });

  it("connections are reset, listeners come back by themselves", async () => {
    await using listener = await connect("tcp:/:8081");
    await using file = await connect("tcp:/10.0.2.2:7");
    await file.write("before");
    expect(await readSome(file)).toBe("before");
    await os.kill("netd");
    await expect(file.read(new Uint8Array(10))).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(file.write("after")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await listener.call({ get: "ends" })).toEqual({ local: "0.0.0.0:8081" });
    const accepting = connect("tcp:/:8081/listen");
    await using peer = await os.open("network:/greet/8081");
    await using accepted = await accepting;
    expect(await readSome(accepted)).toBe("hello");
    expect(peer.url).toBe("network:/greet/8081");
  });
});
