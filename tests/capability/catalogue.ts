/** All counterparts, by the system that they mirror. */

import type { Counterpart } from "./counterpart.js";
import { SEL4_CAPABILITY } from "./sel4-capability-cases.js";
import { SEL4_FAULT } from "./sel4-fault-cases.js";
import { SEL4_IPC } from "./sel4-ipc-cases.js";
import { ZIRCON_HANDLE } from "./zircon-handle-cases.js";
import { ZIRCON_JOB } from "./zircon-job-cases.js";
import { ZIRCON_PIPE } from "./zircon-pipe-cases.js";
import { ZIRCON_WAIT } from "./zircon-wait-cases.js";

export const SEL4: readonly Counterpart[] = [...SEL4_CAPABILITY, ...SEL4_IPC, ...SEL4_FAULT];
export const ZIRCON: readonly Counterpart[] = [
  ...ZIRCON_PIPE,
  ...ZIRCON_HANDLE,
  ...ZIRCON_WAIT,
  ...ZIRCON_JOB,
];
