/**
 * The supervisor as a pure machine: every transition, the budget of deaths, the delays, the probe.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_POLICY,
  type ProcessState,
  type Step,
  type Supervised,
  type SupervisorEvent,
  type SupervisorPolicy,
  step,
  UNSTARTED,
} from "../../kernel/supervisor.js";

const START: SupervisorEvent = { tag: "start" };
const READY: SupervisorEvent = { tag: "ready" };
const ENDED: SupervisorEvent = { tag: "ended" };
const DUE: SupervisorEvent = { tag: "due" };
const STOP: SupervisorEvent = { tag: "stop" };
const CRASH: SupervisorEvent = { tag: "death", ordered: false, clean: false, cause: "throw" };
const KILL: SupervisorEvent = { tag: "death", ordered: true, clean: false, cause: "killed" };
const EXIT: SupervisorEvent = { tag: "death", ordered: false, clean: true, cause: "exit" };

/** A process under a policy, and the moment that its events happen at. */
class Subject {
  nowMs = 1000;
  now: Supervised = UNSTARTED;
  readonly policy: SupervisorPolicy;

  constructor(policy: Partial<SupervisorPolicy> = {}) {
    this.policy = { ...DEFAULT_POLICY, ...policy };
  }

  /** Feeds events; returns the effects of the last one. */
  feed(...events: SupervisorEvent[]): Step["effects"] {
    let effects: Step["effects"] = [];
    for (const event of events) {
      const made = step(this.now, event, { policy: this.policy, nowMs: this.nowMs });
      this.now = made.next;
      effects = made.effects;
    }
    return effects;
  }

  get tag(): ProcessState["tag"] {
    return this.now.state.tag;
  }

  /** Lives for a time after it got ready, then crashes and ends. */
  runAndDie(runMs: number): Step["effects"] {
    this.feed(READY);
    this.nowMs += runMs;
    return this.feed(CRASH, ENDED);
  }
}

const tags = (effects: Step["effects"]): string[] => effects.map(({ tag }) => tag);

describe("supervisor: transitions", () => {
  it("supervisor: starts, gets ready, dies, restarts at once", () => {
    const it = new Subject();
    expect(tags(it.feed(START))).toEqual(["spawn", "wake"]);
    expect([it.tag, tags(it.feed(READY)), it.tag]).toEqual(["starting", [], "running"]);
    it.nowMs += 1000;
    expect([tags(it.feed(CRASH)), it.tag]).toEqual([["fence"], "fenced"]);
    expect([tags(it.feed(ENDED)), it.tag]).toEqual([["spawn", "wake"], "starting"]);
  });

  it.each<[ProcessState["tag"], SupervisorEvent[], SupervisorEvent[]]>([
    ["idle", [], [READY, CRASH, ENDED, DUE]],
    ["starting", [START], [START, ENDED, DUE]],
    ["running", [START, READY], [START, READY, ENDED, DUE]],
    ["fenced", [START, READY, CRASH], [START, READY, CRASH, KILL, DUE]],
    ["stopped", [START, STOP], [START, READY, CRASH, ENDED, DUE, STOP]],
  ])("supervisor: in %s, events without meaning change nothing", (tag, path, events) => {
    const it = new Subject();
    it.feed(...path);
    const before = it.now;
    expect(it.tag).toBe(tag);
    for (const event of events) {
      expect([event.tag, it.feed(event)]).toEqual([event.tag, []]);
      expect(it.now).toBe(before);
    }
  });

  it("supervisor: stopping ends what lives, and reports what does not", () => {
    const stopped = (...path: SupervisorEvent[]): string[] => {
      const it = new Subject();
      it.feed(...path);
      const effects = tags(it.feed(STOP));
      expect(it.tag).toBe("stopped");
      return effects;
    };
    expect(stopped()).toEqual(["stopped"]);
    expect(stopped(START)).toEqual(["fence"]);
    expect(stopped(START, READY)).toEqual(["fence"]);
  });

  it.each<[SupervisorPolicy["restart"], SupervisorEvent, ProcessState["tag"]]>([
    ["permanent", CRASH, "starting"],
    ["permanent", EXIT, "starting"],
    ["permanent", KILL, "starting"],
    ["transient", CRASH, "starting"],
    ["transient", EXIT, "stopped"],
    ["transient", KILL, "starting"],
    ["temporary", CRASH, "stopped"],
    ["temporary", EXIT, "stopped"],
  ])("supervisor: %s after %o is %s", (restart, death, expected) => {
    const it = new Subject({ restart });
    it.feed(START, READY, death, ENDED);
    expect(it.tag).toBe(expected);
  });

  it("supervisor: one that never gets ready is fenced when its time is over", () => {
    const it = new Subject({ readyMsMax: 100 });
    it.feed(START);
    it.nowMs += 99;
    expect([it.feed(DUE), it.tag]).toEqual([[], "starting"]);
    it.nowMs += 1;
    expect([tags(it.feed(DUE)), it.tag]).toEqual([["fence"], "fenced"]);
    expect(it.now.state).toMatchObject({ cause: "never got ready", ranMs: 0 });
  });
});

describe("supervisor: delays", () => {
  it("supervisor: short runs are delayed 10 ms · 2ⁿ, up to the most", () => {
    const it = new Subject({ deathsMax: 100, backoffMsMax: 100 });
    it.feed(START);
    const delays = Array.from({ length: 8 }, () => {
      const [effect] = it.runAndDie(49);
      if (effect?.tag !== "wake") return 0;
      it.nowMs += effect.afterMs - 1;
      expect([it.feed(DUE), it.tag]).toEqual([[], "backoff"]);
      it.nowMs += 1;
      it.feed(DUE);
      return effect.afterMs;
    });
    expect(delays).toEqual([0, 10, 20, 40, 80, 100, 100, 100]);
  });

  it("supervisor: a run of the minimum ends the delays", () => {
    const it = new Subject();
    it.feed(START);
    for (let i = 0; i < 3; i++) {
      it.runAndDie(1);
      it.nowMs += 1000;
      it.feed(DUE);
    }
    expect(it.now.shortRuns).toBe(3);
    expect(tags(it.runAndDie(50))).toEqual(["spawn", "wake"]);
    expect(it.now.shortRuns).toBe(0);
  });
});

describe("supervisor: the budget", () => {
  it("supervisor: as many deaths as allowed restart, one more gives up", () => {
    const it = new Subject();
    it.feed(START);
    for (let i = 0; i < DEFAULT_POLICY.deathsMax; i++) it.runAndDie(60);
    expect(it.tag).toBe("starting");
    const effects = it.runAndDie(60);
    expect([tags(effects), it.tag]).toEqual([["give-up", "wake"], "failed"]);
  });

  it("supervisor: deaths that are spread out are forgotten", () => {
    const it = new Subject();
    it.feed(START);
    const spreadMs = DEFAULT_POLICY.deathsWindowMs / DEFAULT_POLICY.deathsMax;
    for (let i = 0; i < 100; i++) it.runAndDie(spreadMs);
    expect(it.tag).toBe("starting");
    expect(it.now.deathsMs.length).toBeLessThanOrEqual(DEFAULT_POLICY.deathsMax);
  });

  it("supervisor: deaths that somebody ordered do not count, and are not delayed", () => {
    const it = new Subject();
    it.feed(START);
    for (let i = 0; i < 1000; i++) expect(tags(it.feed(READY, KILL, ENDED))[0]).toBe("spawn");
    expect(it.now).toMatchObject({ deathsMs: [], shortRuns: 0 });
  });

  it("supervisor: after giving up, one try as often as the probe says", () => {
    const it = new Subject({ deathsMax: 0, probeMs: 30_000 });
    it.feed(START);
    it.runAndDie(60);
    expect(it.tag).toBe("failed");
    it.nowMs += 29_999;
    expect([it.feed(DUE), it.tag]).toEqual([[], "failed"]);
    it.nowMs += 1;
    expect([tags(it.feed(DUE)), it.tag]).toEqual([["spawn", "wake"], "starting"]);
  });

  it("supervisor: a probe that dies gives up again at once", () => {
    const it = new Subject();
    it.feed(START);
    while (it.tag !== "failed") it.runAndDie(60);
    it.nowMs += DEFAULT_POLICY.probeMs;
    it.feed(DUE);
    expect([tags(it.runAndDie(60)), it.tag]).toEqual([["give-up", "wake"], "failed"]);
  });
});

describe("supervisor: properties", () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(READY, CRASH, ENDED, DUE) },
    { weight: 1, arbitrary: fc.constantFrom(START, KILL, EXIT) },
  );
  const moment = fc.record({ event, afterMs: fc.integer({ min: 0, max: 400 }) });

  it("supervisor: never more restarts in a window than the budget of deaths", () => {
    fc.assert(
      fc.property(
        fc.array(moment, { minLength: 50, maxLength: 400 }),
        fc.integer({ min: 1, max: 4 }),
        (moments, deathsMax) => {
          const policy = { deathsMax, deathsWindowMs: 5000, readyMsMax: 300, probeMs: 1e9 };
          const it = new Subject(policy);
          it.feed(START);
          const restartsMs: number[] = [];
          let ordered = false;
          for (const { event, afterMs } of moments) {
            it.nowMs += afterMs;
            if (event.tag === "death" && it.tag !== "fenced") ordered = event.ordered;
            else if (event.tag === "due" && it.tag === "starting") ordered = false;
            const spawns = tags(it.feed(event)).includes("spawn");
            if (spawns && !ordered) restartsMs.push(it.nowMs);
          }
          for (const atMs of restartsMs) {
            const within = restartsMs.filter((ms) => ms > atMs - 5000 && ms <= atMs);
            expect(within.length).toBeLessThanOrEqual(deathsMax + 1);
          }
        },
      ),
    );
  });

  it("supervisor: a process is spawned only when none lives", () => {
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 300 }), (moments) => {
        const it = new Subject({ readyMsMax: 300, probeMs: 1000 });
        let alive = false;
        for (const { event, afterMs } of moments) {
          it.nowMs += afterMs;
          const before = it.tag;
          const effects = tags(it.feed(event));
          if (event.tag === "ended" && before === "fenced") alive = false;
          if (effects.includes("spawn")) {
            expect(alive).toBe(false);
            alive = true;
          }
        }
      }),
    );
  });
});
