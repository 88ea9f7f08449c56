/** Wiring after a death: which clients a new incarnation waits for. */

import { describe, expect, it } from "vitest";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import type { Mail } from "../../ipc/mail.js";
import { allocateChannel, CQ_TAIL, RESUMED, SQ_TAIL } from "../../ipc/ring-block.js";
import { CapabilityTable } from "../../kernel/capability.js";
import { PROGRAM_POLICY, Process, type ProcessFacts } from "../../kernel/process.js";
import { Wiring } from "../../kernel/wiring.js";

function processAt(pid: number, order: number): { process: Process; mail: Mail[] } {
  const facts: ProcessFacts = {
    name: `p${pid}`,
    role: "daemon",
    order,
    entry: "",
    program: "",
    provides: [],
    operations: new Map(),
    storeBytes: 0,
    isolation: "thread",
    policy: PROGRAM_POLICY,
    args: [],
    cwd: "file:/",
    parent: 0,
  };
  const process = new Process(pid, facts);
  const mail: Mail[] = [];
  process.endpoint = {
    bell: new Doorbell(allocateDoorbell()),
    kernelChannel: allocateChannel(64),
    mail: (piece) => mail.push(piece),
  };
  return { process, mail };
}

/** Whether a new incarnation is told to wait for a client whose old ring looked like this. */
function waitsFor(words: { submitted: number; completed: number; resumed: number }): boolean {
  const provider = processAt(11, 1);
  const client = processAt(12, 2);
  const wiring = new Wiring(new CapabilityTable());
  const wire = wiring.connect(client.process, provider.process);
  const ring = new Int32Array((wire.memory as { ring: SharedArrayBuffer }).ring);
  ring[SQ_TAIL] = words.submitted;
  ring[CQ_TAIL] = words.completed;
  ring[RESUMED] = words.resumed;
  wiring.rejoin(provider.process, true);
  const told = provider.mail.findLast((piece) => piece.kind === "client");
  return told?.kind === "client" && told.replays;
}

describe("wiring: a new incarnation", () => {
  it("does not wait for a client that has everything answered", () => {
    expect(waitsFor({ submitted: 5, completed: 4, resumed: 1 })).toBe(false);
  });

  it("waits for a client with a request in flight", () => {
    expect(waitsFor({ submitted: 6, completed: 4, resumed: 1 })).toBe(true);
  });

  it("waits for a client whose provider died while it was reattaching one session", () => {
    // One REATTACH sent and none answered looks like one RESUME and nothing else.
    expect(waitsFor({ submitted: 1, completed: 0, resumed: 0 })).toBe(true);
  });
});
