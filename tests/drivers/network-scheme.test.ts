/** `network:` over an interface in the test's hands: frames whole or not at all, bounded. */

import { describe, expect, it } from "vitest";
import type { NetworkDevice } from "../../drivers/network/network-device.js";
import { networkScheme } from "../../drivers/network/network-scheme.js";
import { O_CREATE, O_DIRECTORY, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { EVENT_READ, EVENT_WRITE, type OpenContext, type Opened } from "../../ipc/scheme.js";

type Handle = ReturnType<ReturnType<typeof networkScheme>["open"]> extends infer H ? H : never;

/** A request's context, with a way to cancel. */
function contextOf(flags: number, nonblocking = false) {
  const context = { flags, nonblocking, canceled: false, cancel: () => {} };
  return {
    ...context,
    caller: 1,
    rights: 0,
    root: "/",
    scheme: "network",
    reply: undefined,
    defer() {},
    onCancel(then: () => void) {
      this.cancel = () => {
        this.canceled = true;
        then();
      };
    },
  };
}

function stand() {
  let deliver: (frame: Uint8Array) => void = () => {};
  const sent: Uint8Array[] = [];
  const device: NetworkDevice = {
    mac: Uint8Array.of(0x52, 0x54, 0, 0, 0, 9),
    linkUp: true,
    counts: { received: 1, receivedBytes: 60, receivedBad: 0, sent: 2, sentBytes: 120 },
    send: async (frame) => void sent.push(Uint8Array.from(frame)),
    onFrame: (receive) => {
      deliver = receive;
    },
  };
  const scheme = networkScheme([device]);
  const open = (path: string, flags: number) => {
    const answer = scheme.open(path, contextOf(flags) as OpenContext) as Opened<Handle>;
    return answer.handle as never;
  };
  const read = (handle: never, bytes: Uint8Array, context = contextOf(O_READ)) =>
    scheme.read?.(handle, bytes, 0, context) as number | Promise<number>;
  return { scheme, open, read, sent, arrive: (frame: Uint8Array) => deliver(frame) };
}

function frame(byte: number, length = 60): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** The symbol of what is thrown, or of what the promise rejects with. */
async function codeOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("network:", () => {
  it("each read takes one frame; a read that comes first waits for it", async () => {
    const { open, read, arrive } = stand();
    const handle = open("/0", O_READ);
    const bytes = frame(0, 100);
    const waiting = read(handle, bytes);
    arrive(frame(1));
    expect(await waiting).toBe(60);
    expect([bytes[0], bytes[59], bytes[60]]).toEqual([1, 1, 0]);
    arrive(frame(2));
    arrive(frame(3, 70));
    expect([read(handle, bytes), bytes[0]]).toEqual([60, 2]);
    expect([read(handle, bytes), bytes[0]]).toEqual([70, 3]);
  });

  it("every handle gets every frame; one that only writes keeps none", () => {
    const { open, read, arrive, scheme } = stand();
    const [first, second] = [open("/0", O_READ), open("/0", O_READ | O_WRITE)];
    const writer = open("/0", O_WRITE);
    arrive(frame(4));
    expect([read(first, frame(0)), read(second, frame(0))]).toEqual([60, 60]);
    expect(scheme.fevent?.(writer, EVENT_READ | EVENT_WRITE, () => {})).toBe(EVENT_WRITE);
    scheme.close?.(first);
    arrive(frame(5));
    expect(scheme.fevent?.(first, EVENT_READ, () => {})).toBe(0);
    expect(scheme.fevent?.(second, EVENT_READ, () => {})).toBe(EVENT_READ);
  });

  it("a buffer too small is EMSGSIZE, and the frame stays", async () => {
    const { open, read, arrive } = stand();
    const handle = open("/0", O_READ);
    arrive(frame(6));
    expect(await codeOf(() => read(handle, frame(0, 59)))).toBe("EMSGSIZE");
    expect(read(handle, frame(0))).toBe(60);
    const waiting = codeOf(() => read(handle, frame(0, 59)));
    arrive(frame(7));
    expect(await waiting).toBe("EMSGSIZE");
    expect(read(handle, frame(0))).toBe(60);
  });

  it("does not wait when it must not, and stops waiting when told", async () => {
    const { open, read, arrive } = stand();
    const handle = open("/0", O_READ);
    expect(await codeOf(() => read(handle, frame(0), contextOf(O_READ, true)))).toBe("EAGAIN");
    const context = contextOf(O_READ);
    const canceled = codeOf(() => read(handle, frame(0), context));
    context.cancel();
    expect(await canceled).toBe("ECANCELED");
    arrive(frame(8));
    expect(read(handle, frame(0))).toBe(60);
  });

  it("what nobody reads is bounded, counted, and the oldest is kept", async () => {
    const { open, read, arrive, scheme } = stand();
    const handle = open("/0", O_READ);
    for (let i = 0; i < 300; i++) arrive(frame(i & 0xff));
    const bytes = frame(0, 400);
    expect([read(handle, bytes), bytes[0]]).toEqual([60, 0]);
    const counters = open("/0/counters", O_READ);
    const length = read(counters, bytes) as number;
    expect(Buffer.from(bytes.subarray(0, length)).toString()).toContain("unread\t44\n");
    expect(scheme.fsize?.(counters)).toBe(length);
  });

  it("tells of a frame that waits, once for each", () => {
    const { open, arrive, scheme } = stand();
    const handle = open("/0", O_READ);
    const events: number[] = [];
    scheme.fevent?.(handle, EVENT_READ, (event) => events.push(event));
    arrive(frame(1));
    scheme.fevent?.(handle, 0, () => {});
    arrive(frame(2));
    expect(events).toEqual([EVENT_READ]);
  });

  it("writes whole frames of a length that Ethernet has", async () => {
    const { open, sent, scheme } = stand();
    const handle = open("/0", O_WRITE);
    const write = (bytes: Uint8Array) => scheme.write?.(handle, bytes, 0, contextOf(O_WRITE));
    expect(await write(frame(1, 14))).toBe(14);
    expect(await write(frame(1, 1518))).toBe(1518);
    expect(await codeOf(() => write(frame(1, 13)))).toBe("EINVAL");
    expect(await codeOf(() => write(frame(1, 1519)))).toBe("EMSGSIZE");
    expect(sent.map(({ length }) => length)).toEqual([14, 1518]);
  });

  it("has an address and a link as text, and a directory", async () => {
    const { open, read, scheme } = stand();
    const text = (path: string): string => {
      const bytes = frame(0, 100);
      return Buffer.from(bytes.subarray(0, read(open(path, O_READ), bytes) as number)).toString();
    };
    expect([text("/0/mac"), text("/0/link")]).toEqual(["52:54:00:00:00:09\n", "up\n"]);
    const entries = await scheme.getdents?.(open("/", O_READ), 0);
    expect(entries).toEqual([{ name: "0", kind: "device", next: 1 }]);
  });

  it.each([
    ["/1", O_READ, "ENOENT"],
    ["/00x", O_READ, "ENOENT"],
    ["/0/speed", O_READ, "ENOENT"],
    ["/0/mac", O_WRITE, "EACCES"],
    ["/", O_WRITE, "EISDIR"],
    ["/0", O_READ | O_DIRECTORY, "ENOTDIR"],
    ["/9", O_READ | O_CREATE, "ENOENT"],
  ])("open %s with %i is %s", async (path, flags, code) => {
    expect(await codeOf(() => stand().open(path, flags))).toBe(code);
  });
});
