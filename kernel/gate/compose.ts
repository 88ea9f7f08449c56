/**
 * Composes the gate of one process: its client side at once, its provider side when the kernel says
 * that it is to be a daemon. A worker's entry and a simulation do it in the same way.
 */

import type { Clock, Timers } from "../../ipc/clock.js";
import type { Doorbell } from "../../ipc/doorbell.js";
import { KERNEL_PID, type Mail, type StartMail } from "../../ipc/mail.js";
import { processWords } from "../../ipc/process-block.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import { Connection } from "./connection.js";
import { FaultPoints } from "./fault-points.js";
import { ProcessGate } from "./gate.js";
import { Provider, type ProviderHost } from "./provider.js";

/** What a process's gate is made of. */
export interface ProcessParts {
  bell: Doorbell;
  /** The process block. */
  block: SharedArrayBuffer;
  /** Channel to the kernel, and the kernel's doorbell. */
  kernelChannel: ChannelMemory;
  kernelBell: Doorbell;
  clock: Clock;
  timers: Timers;
  /** Takes a macrotask turn. */
  turn(): Promise<void>;
  /** False where several processes share one thread: nothing may block it. */
  mayBlock: boolean;
  /** Next piece of mail, if there is one. Never blocks. */
  receive(): Mail | undefined;
  /** The gate has become the process that the mail describes. */
  started(mail: StartMail): void;
  /** A bug: the process must end. */
  bug(error: unknown): void;
}

/** Makes the gate. */
export function composeGate(parts: ProcessParts): ProcessGate {
  const kernel = new Connection(KERNEL_PID);
  kernel.connected(parts.kernelChannel, parts.kernelBell.memory, 0);
  const gate = new ProcessGate({
    ...parts,
    kernel,
    receive: () => parts.receive(),
    turn: () => parts.turn(),
    bug: (error) => {
      parts.bug(error);
    },
    onStart: (mail) => {
      // Mail that follows may concern the provider side, so this happens before the next piece.
      if (mail.role === "daemon") {
        const cells = new Int32Array(mail.cells);
        gate.provider = new Provider(providerHost(gate, parts), cells, mail.recovering);
      }
      gate.begin(mail);
      parts.started(mail);
    },
  });
  return gate;
}

function providerHost(gate: ProcessGate, parts: ProcessParts): ProviderHost {
  const words = processWords(parts.block);
  return {
    words,
    faults: new FaultPoints(words, parts.kernelBell),
    now: () => parts.clock.now(),
    readMail: () => {
      gate.readMail();
    },
    mailWaits: () => gate.mailWaits(),
    // Mail has rung the doorbell already.
    joined: () => undefined,
    drained: (drain) => {
      gate.start(gate.syscall("drained", { drain }));
    },
    resumed: (replayed) => {
      gate.start(gate.syscall("resumed", { replayed }));
    },
    bug: (error) => {
      parts.bug(error);
    },
  };
}
