/** The ring's decisions, all pure: what is repeated, when to reboot, who stands still, and why. */

import { describe, expect, it } from "vitest";
import { fateOf } from "../../cli/ring/fate.js";
import { DumpFilter, describeEnding } from "../../cli/ring/last-words.js";
import { type RingEffect, type RingState, step } from "../../cli/ring/reboots.js";
import { type Suspect, suspect, type ThreadTimes } from "../../cli/ring/stall.js";
import {
  OP_CALL,
  OP_FSTAT,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_OPEN,
  OP_READ,
  OP_RENAME,
  OP_SYSCALL,
  OP_WRITE,
} from "../../ipc/opcode.js";
import { O_CREATE, O_READ, O_TRUNCATE, O_WRITE } from "../../ipc/open-flags.js";

describe("fate: a call that was in flight when its machine died", () => {
  const cases: [what: string, deed: Parameters<typeof fateOf>[0], fate: string][] = [
    ["a positioned read", { opcode: OP_READ, positioned: true }, "repeat"],
    ["a positioned write", { opcode: OP_WRITE, positioned: true }, "repeat"],
    ["a positioned truncate", { opcode: OP_FTRUNCATE, positioned: true }, "repeat"],
    ["a read of a stream", { opcode: OP_READ, positioned: false }, "unknown"],
    ["a write to a stream", { opcode: OP_WRITE }, "unknown"],
    ["stat", { opcode: OP_FSTAT }, "repeat"],
    ["call", { opcode: OP_CALL, positioned: true }, "unknown"],
    ["rename", { opcode: OP_RENAME }, "unknown"],
    ["sync: earlier writes may have died", { opcode: OP_FSYNC, positioned: true }, "unknown"],
    ["open for reading", { opcode: OP_OPEN, flags: O_READ }, "repeat"],
    ["open that creates", { opcode: OP_OPEN, flags: O_WRITE | O_CREATE }, "unknown"],
    ["open that truncates", { opcode: OP_OPEN, flags: O_WRITE | O_TRUNCATE }, "unknown"],
    ["ps", { opcode: OP_SYSCALL, syscall: "processes" }, "repeat"],
    ["spawn", { opcode: OP_SYSCALL, syscall: "spawn" }, "unknown"],
    ["kill", { opcode: OP_SYSCALL, syscall: "kill" }, "unknown"],
    ["a read of events", { opcode: OP_READ, events: true }, "repeat"],
  ];
  for (const [what, deed, fate] of cases) {
    it(`${what}: ${fate}`, () => {
      expect(fateOf(deed, 1)).toBe(fate);
      expect(fateOf(deed, 2)).toBe("poison");
    });
  }
});

describe("reboots", () => {
  const budget = { deathsMax: 5, windowMs: 10_000 };

  function run(times: readonly number[], serves: boolean): [RingState, RingEffect[]] {
    let state: RingState = { tag: "serving", deaths: [] };
    const effects = times.map((atMs) => {
      const [next, effect] = step(state, { tag: "died", atMs }, budget);
      state = serves ? step(next, { tag: "served" }, budget)[0] : next;
      return effect;
    });
    return [state, effects];
  }

  it("as many deaths as allowed reboot at once; one more in the window gives up", () => {
    const times = Array.from({ length: 6 }, (_, i) => i * 1000);
    const [state, effects] = run(times, true);
    const reboots = Array.from({ length: 5 }, () => ({ tag: "reboot", afterMs: 0 }));
    expect(effects).toEqual([...reboots, { tag: "give-up" }]);
    expect(state).toEqual({ tag: "given-up" });
  });

  it("deaths that are long ago do not count", () => {
    const times = Array.from({ length: 50 }, (_, i) => i * 2001);
    expect(run(times, true)[0].tag).toBe("serving");
  });

  it("a machine that dies before it serves is tried again later and later", () => {
    const [, effects] = run([0, 1, 2, 3], false);
    expect(effects.map((effect) => ("afterMs" in effect ? effect.afterMs : -1))).toEqual([
      0, 10, 20, 40,
    ]);
  });

  it("a first boot that fails is the caller's to hear; a reboot that is refused gives up", () => {
    const first: RingState = { tag: "booting" };
    expect(step(first, { tag: "refused" }, budget)[1]).toEqual({ tag: "fail" });
    expect(step(first, { tag: "died", atMs: 0 }, budget)[1]).toEqual({ tag: "fail" });
    const again: RingState = { tag: "rebooting", deaths: [0], failures: 0 };
    expect(step(again, { tag: "refused" }, budget)[1]).toEqual({ tag: "give-up" });
  });

  it("after the end nothing happens any more", () => {
    for (const tag of ["closed", "given-up"] as const) {
      expect(step({ tag }, { tag: "died", atMs: 1 }, budget)).toEqual([{ tag }, { tag: "none" }]);
    }
  });
});

describe("stall", () => {
  /** Looks every 100 ms; each says what has happened since the one before. */
  function stillMs(looks: readonly (Partial<ThreadTimes> & { progress?: number })[]): number {
    let known: Suspect | undefined;
    const sums = { ranNs: 0, delayedNs: 0 };
    for (const { progress = 1, state = "waits", ...more } of looks) {
      sums.ranNs += more.ranNs ?? 0;
      sums.delayedNs += more.delayedNs ?? 0;
      const times = { ...sums, state };
      known = suspect(known, { progress, elapsedMs: 100, times: () => times });
    }
    return known?.stillMs ?? 0;
  }

  it("one that sleeps counts all of the time, one that runs what it ran", () => {
    expect(stillMs([{}, {}, {}, {}])).toBe(200);
    const runs = { state: "runs", ranNs: 30e6 } as const;
    expect(stillMs([runs, runs, runs, runs])).toBe(60);
  });

  it("one that is starved or stopped counts nothing", () => {
    const starved = { state: "runs" } as const;
    expect(stillMs([{}, starved, starved, starved])).toBe(0);
    const stopped = { state: "stopped" } as const;
    expect(stillMs([{}, stopped, stopped, stopped])).toBe(0);
  });

  it("one that sleeps in a starved process counts little, but never nothing", () => {
    const late = { delayedNs: 60e6 };
    expect(stillMs([late, late, late, late])).toBe(80);
    const starved = { delayedNs: 500e6 };
    expect(stillMs([starved, starved, starved, starved])).toBe(20);
  });

  it("any progress starts anew", () => {
    expect(stillMs([{}, {}, {}, { progress: 2 }])).toBe(0);
  });

  it("a thread that is well is not asked for its times", () => {
    const times = (): never => {
      throw new Error("asked");
    };
    let known: Suspect | undefined;
    for (let progress = 0; progress < 5; progress++) {
      known = suspect(known, { progress, elapsedMs: 100, times });
    }
    expect(known?.stillMs).toBe(0);
  });
});

describe("last words", () => {
  const OOM = [
    "(node:7) Warning: careful",
    "",
    "<--- Last few GCs --->",
    "[7:0x1]  94 ms: Mark-Compact 63.9 (65.4) -> 63.9 (65.4) MB",
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    "----- Native stack trace -----",
    " 1: 0xb8d0a3 node::OOMErrorHandler",
    "",
  ].join("\n");

  it("a dump is not shown, however it is cut; its cause is", () => {
    for (let size = 1; size < 50; size += 7) {
      const filter = new DumpFilter();
      let shown = "";
      for (let at = 0; at < OOM.length; at += size) shown += filter.push(OOM.slice(at, at + size));
      shown += filter.end();
      expect(shown).toBe("(node:7) Warning: careful\n\n");
      const ending = { code: null, signal: "SIGABRT", words: undefined, dump: filter.dump };
      expect(describeEnding(ending)).toBe(
        "SIGABRT (Reached heap limit Allocation failed - JavaScript heap out of memory)",
      );
    }
  });

  it("without a dump: its own words, the signal, or the exit code", () => {
    const ending = { code: null, signal: "SIGKILL", words: undefined, dump: "" };
    expect(describeEnding(ending)).toBe("SIGKILL");
    expect(describeEnding({ ...ending, words: "uartd cannot be ended" })).toMatch(/^uartd cannot/);
    expect(describeEnding({ ...ending, signal: null, code: 3 })).toBe("exit code 3");
    expect(describeEnding({ ...ending, words: `${"long ".repeat(100)}\nmore` }).length).toBe(201);
  });

  it("a dump and a line without an end are bounded", () => {
    const filter = new DumpFilter();
    expect(filter.push("x".repeat(10_000)).length).toBe(10_001);
    filter.push("FATAL ERROR: y\n");
    for (let i = 0; i < 100; i++) filter.push("z".repeat(1000));
    expect(filter.dump.length).toBe(16_384);
  });
});
