/** What runs a program: loads its module, gives it the system, and exits with its status. */

import { currentGate, type Gate } from "../ipc/abi.js";
import { assert } from "../ipc/assert.js";
import { GateSystem } from "./gate-system.js";
import type { Program } from "./system.js";

const gate = currentGate();
assert(gate !== undefined, "a program runs inside Anode only");
await run(gate);

async function run(own: Gate): Promise<void> {
  const module = (await import(own.self.program)) as { default?: Program };
  assert(typeof module.default === "function", "a program exports its main function as default");
  const status = (await module.default(new GateSystem(own))) ?? 0;
  own.wait(own.syscall("exit", { status: Number.isInteger(status) ? status & 0xff : 1 }));
}
