/** What a gate is made with: whatever is not deterministic comes from here. */

import type { SelfInfo } from "../../ipc/abi.js";
import type { Clock, Timers } from "../../ipc/clock.js";
import type { Doorbell } from "../../ipc/doorbell.js";
import type { Mail, StartMail } from "../../ipc/mail.js";
import type { Connection } from "./connection.js";

/** What a gate is made with. */
export interface GateParts {
  bell: Doorbell;
  clock: Clock;
  timers: Timers;
  /** Next piece of mail, if there is one. Never blocks. */
  receive: () => Mail | undefined;
  kernel: Connection;
  /** Takes a macrotask turn, so that all microtasks have run. */
  turn: () => Promise<void>;
  /** False where several processes share one thread: nothing may block it. */
  mayBlock: boolean;
  /** A bug in the gate or in what it runs: the process must end. */
  bug: (error: unknown) => void;
  /** Handles the mail that starts the process. */
  onStart: (mail: StartMail) => void;
}

/** A process that has not been told yet what it is. */
export const NOBODY: SelfInfo = {
  pid: 0,
  name: "",
  args: [],
  cwd: "file:/",
  incarnation: 0,
  program: "",
  provides: [],
};
