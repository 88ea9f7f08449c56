/** The host's calls against a machine that is played here: order, limits, deaths, late answers. */

import { describe, expect, it } from "vitest";
import type { Frame, FrameKind, FrameParts } from "../../cli/ring/frame.js";
import type { AnswerBody, OperateBody } from "../../cli/ring/messages.js";
import { RemoteGate } from "../../cli/ring/remote-gate.js";
import type { Call, Descriptor } from "../../ipc/abi.js";
import { EAGAIN, ECANCELED, EIO, ENODEV, EOWNERDEAD, ESTALE, ETIMEDOUT } from "../../ipc/errno.js";
import { OP_CALL, OP_FSYNC, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";

interface Sent extends FrameParts {
  kind: FrameKind;
}

/** A machine's end of the link: what was sent to it, and how it answers. */
class PlayedMachine {
  sent: Sent[] = [];
  readonly #gate: RemoteGate;
  /** What its objects are called. */
  generation = 1;

  constructor(gate: RemoteGate) {
    this.#gate = gate;
  }

  send(kind: FrameKind, parts: FrameParts = {}): void {
    this.sent.push({ kind, ...parts });
    if (kind === "open" || kind === "reattach") this.#open(kind, parts);
  }

  #open(kind: FrameKind, { call = 0, body }: FrameParts): void {
    const { url, identity } = body as { url: string; identity?: { generation: number } };
    const same = identity === undefined || identity.generation === this.generation;
    const opened = {
      url,
      positioned: url.startsWith("disk:"),
      identity: { object: url, generation: this.generation },
    };
    // As a pipe would: not within the call.
    queueMicrotask(() => {
      if (kind === "open" || same) this.answer(call, { result: 1, opened });
      else this.answer(call, { result: -ESTALE.errno });
    });
  }

  answer(call: number, body: AnswerBody, payload: Uint8Array = new Uint8Array(0)): void {
    const frame: Frame = { kind: "answer", call, body, payload: Buffer.from(payload) };
    this.#gate.answer(frame);
  }

  /** Operations that were sent, as "opcode@offset". */
  operations(): string[] {
    return this.sent
      .filter(({ kind }) => kind === "operate")
      .map(({ body }) => `${(body as OperateBody).opcode}@${(body as OperateBody).offset}`);
  }
}

class Stand {
  readonly gate = new RemoteGate();
  machine = new PlayedMachine(this.gate);
  boots = 0;

  async boot(generation = 1): Promise<PlayedMachine> {
    this.machine = new PlayedMachine(this.gate);
    this.machine.generation = generation;
    await this.gate.connected(this.machine, ++this.boots);
    return this.machine;
  }

  async open(url: string): Promise<Descriptor> {
    const call = this.gate.open(url, O_READ | O_WRITE);
    await this.gate.settle(call);
    return this.gate.opened(call) as Descriptor;
  }

  call(file: Descriptor, opcode: number, bytes: Uint8Array, offset?: number): Call {
    const call = file.call(opcode);
    call.bytes = bytes;
    if (offset !== undefined) call.offset = offset;
    this.gate.start(call);
    return call;
  }
}

async function booted(): Promise<Stand> {
  const stand = new Stand();
  await stand.boot();
  return stand;
}

/** A call's number on the link. */
function numberOf(call: Call): number {
  return (call as unknown as { number: number }).number;
}

describe("traffic: with a machine", () => {
  it("positions move when a call is made, and back when less was done", async () => {
    const stand = await booted();
    const { machine } = stand;
    const file = await stand.open("disk:/0");
    const one = stand.call(file, OP_READ, new Uint8Array(10));
    const two = stand.call(file, OP_READ, new Uint8Array(10));
    expect(machine.operations()).toEqual([`${OP_READ}@0`, `${OP_READ}@10`]);
    expect(file.position).toBe(20);
    machine.answer(numberOf(two), { result: 4 }, new Uint8Array(4).fill(9));
    expect(file.position).toBe(14);
    expect([...(two.bytes ?? [])]).toEqual([9, 9, 9, 9, 0, 0, 0, 0, 0, 0]);
    machine.answer(numberOf(one), { result: 10 }, new Uint8Array(10));
    expect(file.position).toBe(14);
  });

  it("an answer of more than was asked, or of less than it claims, is EIO", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const lies: [AnswerBody, Uint8Array][] = [
      [{ result: 11 }, new Uint8Array(11)],
      [{ result: 8 }, new Uint8Array(7)],
    ];
    for (const [body, payload] of lies) {
      const call = stand.call(file, OP_READ, new Uint8Array(10), 0);
      stand.machine.answer(numberOf(call), body, payload);
      expect([call.result, call.outcome]).toEqual([-EIO.errno, "unknown"]);
    }
    const write = stand.call(file, OP_WRITE, new Uint8Array(10), 0);
    stand.machine.answer(numberOf(write), { result: 11 });
    expect(write.result).toBe(-EIO.errno);
    stand.machine.answer(4711, { result: 0 });
  });

  it("at most 256 calls and 32 MiB are on the link; the others follow in order", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const calls = Array.from({ length: 300 }, (_, i) =>
      stand.call(file, OP_READ, new Uint8Array(1), i),
    );
    expect(stand.machine.operations().length).toBe(256);
    for (const call of calls) stand.machine.answer(numberOf(call), { result: 0 });
    expect(stand.machine.operations().at(-1)).toBe(`${OP_READ}@299`);
    stand.machine.sent = [];
    const big = new Uint8Array(4 * 1024 * 1024);
    for (let i = 0; i < 12; i++) stand.call(file, OP_READ, big, i);
    expect(stand.machine.operations().length).toBe(8);
  });

  it("what is cancelled ends at once; the machine is told, its answer is dropped", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const call = stand.call(file, OP_READ, new Uint8Array(10), 0);
    stand.gate.cancel(call);
    expect([call.result, call.outcome]).toEqual([-ECANCELED.errno, "unknown"]);
    expect(stand.machine.sent.at(-1)).toEqual({ kind: "cancel", call: numberOf(call) });
    stand.machine.answer(numberOf(call), { result: 10 }, new Uint8Array(10).fill(1));
    expect(call.bytes?.every((byte) => byte === 0)).toBe(true);
    const late = file.call(OP_READ);
    late.bytes = new Uint8Array(1);
    late.deadlineMs = stand.gate.now() + 1;
    expect(await stand.gate.settle(late)).toBe(-ETIMEDOUT.errno);
  });

  it("a file that an open given up has opened all the same is closed", async () => {
    const stand = await booted();
    const call = stand.gate.open("disk:/0", O_READ);
    stand.gate.start(call);
    stand.gate.cancel(call);
    await Promise.resolve();
    expect(stand.machine.sent.at(-1)).toEqual({ kind: "close", call: numberOf(call) });
  });
});

describe("traffic: without a machine", () => {
  it("calls wait, end at their deadline, and are refused beyond the limit", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    stand.gate.died();
    const late = file.call(OP_READ);
    late.bytes = new Uint8Array(1);
    late.deadlineMs = stand.gate.now() + 1;
    expect(await stand.gate.settle(late)).toBe(-ETIMEDOUT.errno);
    expect(late.outcome).toBe("not-executed");
    const calls = Array.from({ length: 65_537 }, (_, i) =>
      stand.call(file, OP_READ, new Uint8Array(1), i),
    );
    expect(calls.at(-1)?.result).toBe(-EAGAIN.errno);
    expect(calls.at(-2)?.done).toBe(false);
  });

  it("given up: what flew is unknown, what waited was not executed", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const flew = stand.call(file, OP_WRITE, new Uint8Array(1), 0);
    stand.gate.died();
    const waited = stand.call(file, OP_WRITE, new Uint8Array(1), 1);
    stand.gate.givenUp();
    expect([flew.result, flew.outcome]).toEqual([-ENODEV.errno, "unknown"]);
    expect([waited.result, waited.outcome]).toEqual([-ENODEV.errno, "not-executed"]);
    expect(stand.call(file, OP_READ, new Uint8Array(1), 0).result).toBe(-ENODEV.errno);
  });
});

describe("traffic: the next machine", () => {
  it("gets repetitions first and in order, then what waited; the rest is unknown", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const flew = [
      stand.call(file, OP_WRITE, new Uint8Array(1), 7),
      stand.call(file, OP_CALL, new Uint8Array(1), 0),
      stand.call(file, OP_READ, new Uint8Array(1), 7),
      stand.call(file, OP_FSYNC, new Uint8Array(0), 0),
    ];
    stand.gate.died();
    stand.call(file, OP_WRITE, new Uint8Array(1), 8);
    const machine = await stand.boot();
    expect(machine.sent[0]?.kind).toBe("reattach");
    expect(machine.operations()).toEqual([`${OP_WRITE}@7`, `${OP_READ}@7`, `${OP_WRITE}@8`]);
    for (const call of [flew[1], flew[3]]) {
      expect(call).toMatchObject({ result: -EOWNERDEAD.errno, outcome: "unknown" });
      expect(call?.incarnation).toEqual({ old: 1, now: 2 });
    }
  });

  it("an answer that came before the death counts, and is not asked for again", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const write = stand.call(file, OP_WRITE, new Uint8Array(1), 7);
    stand.machine.answer(numberOf(write), { result: 1 });
    stand.gate.died();
    expect(write.result).toBe(1);
    expect((await stand.boot()).operations()).toEqual([]);
  });

  it("another object under the name is ESTALE for all that the handle does", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const flew = stand.call(file, OP_READ, new Uint8Array(1), 0);
    stand.gate.died();
    const waited = stand.call(file, OP_READ, new Uint8Array(1), 0);
    const machine = await stand.boot(2);
    expect([flew.result, flew.outcome]).toEqual([-ESTALE.errno, "unknown"]);
    expect([waited.result, waited.outcome]).toEqual([-ESTALE.errno, "not-executed"]);
    expect(machine.operations()).toEqual([]);
  });

  it("dies while it restores: the one after it restores from the beginning", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const flew = stand.call(file, OP_READ, new Uint8Array(1), 3);
    stand.gate.died();
    const second = stand.boot();
    stand.gate.died();
    await second;
    expect(flew.done).toBe(false);
    const third = await stand.boot();
    expect(third.operations()).toEqual([`${OP_READ}@3`]);
    third.answer(numberOf(flew), { result: 1 }, new Uint8Array([5]));
    expect([flew.result, flew.bytes?.[0]]).toEqual([1, 5]);
  });

  it("a call that is there at two deaths is poison", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const flew = stand.call(file, OP_READ, new Uint8Array(1), 3);
    stand.gate.died();
    await stand.boot();
    stand.gate.died();
    const third = await stand.boot();
    expect([flew.result, flew.outcome]).toEqual([-EIO.errno, "poison"]);
    expect(third.operations()).toEqual([]);
  });

  it("what was written and not synced makes the next sync fail, once", async () => {
    const stand = await booted();
    const file = await stand.open("disk:/0");
    const write = stand.call(file, OP_WRITE, new Uint8Array(1), 0);
    stand.machine.answer(numberOf(write), { result: 1 });
    stand.gate.died();
    await stand.boot();
    const sync = stand.call(file, OP_FSYNC, new Uint8Array(0), 0);
    expect([sync.result, sync.outcome]).toEqual([-EOWNERDEAD.errno, "unknown"]);
    const again = stand.call(file, OP_FSYNC, new Uint8Array(0), 0);
    expect(again.done).toBe(false);
  });
});
