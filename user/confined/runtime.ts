/**
 * The runtime of confined code: what runs in the compartment before anything foreign does. It sets
 * up the globals that the language itself does not have, the gate, and the functions that the gate
 * calls. The public modules are linked with it, so that they are warm, too.
 */

import "./globals.js";
import "../driver.js";
import "../index.js";
import "../scheme.js";
import { installGate } from "../../ipc/abi.js";
import { GateSystem } from "../gate-system.js";
import type { Program } from "../system.js";
import { attach, bridge } from "./bridge.js";
import { ConfinedBuffer } from "./buffer.js";
import { describe } from "./describe.js";
import { callDone, GuestGate } from "./guest-gate.js";
import { cancelRequest, dispatch } from "./handlers.js";
import { fire } from "./timers.js";

const gate = new GuestGate();
installGate(gate);
// Only now: the codec, when it loads, takes any Buffer for Node's own.
Object.assign(globalThis, { Buffer: ConfinedBuffer });

attach({
  begin: () => undefined,
  program: (main) => {
    void runProgram(main);
  },
  dispatch,
  done: callDone,
  cancel: cancelRequest,
  fire,
  describe,
});

/** Runs a program's main function and exits with its status. */
async function runProgram(main: unknown): Promise<void> {
  try {
    const status = (await (main as Program)(new GateSystem(gate))) ?? 0;
    const code = Number.isInteger(status) ? status & 0xff : 1;
    gate.wait(gate.syscall("exit", { status: code }));
  } catch (thrown) {
    bridge().die(describe(thrown));
  }
}
