/*
 * The firmware's side of the Power State Coordination Interface (ARM DEN 0022) for a board of one
 * CPU: system reset and power off, and honest refusals of what needs a second CPU. It is no device
 * on the bus: an operating system calls it.
 */
import { PSCI, PSCI_NO_MIGRATION, PSCI_RETURN, PSCI_VERSION_1_0 } from "../regs/psci.js";

/** What firmware can do to the machine. Both return, and the machine acts afterwards. */
export interface PowerControl {
  powerOff(): void;
  reset(): void;
}

const SUPPORTED: ReadonlySet<number> = new Set(Object.values(PSCI));

/**
 * One call. `target` is the first argument: a CPU's affinity, or a function for `PSCI_FEATURES`.
 * Returns what the firmware answers in w0; anything unknown is `NOT_SUPPORTED`.
 */
export function callPsci(functionId: number, target: number, power: PowerControl): number {
  switch (functionId) {
    case PSCI.PSCI_VERSION:
      return PSCI_VERSION_1_0;
    case PSCI.PSCI_FEATURES:
      return SUPPORTED.has(target) ? PSCI_RETURN.SUCCESS : PSCI_RETURN.NOT_SUPPORTED;
    case PSCI.CPU_ON:
      return target === 0 ? PSCI_RETURN.ALREADY_ON : PSCI_RETURN.INVALID_PARAMETERS;
    case PSCI.AFFINITY_INFO:
      return target === 0 ? PSCI_RETURN.SUCCESS : PSCI_RETURN.INVALID_PARAMETERS;
    case PSCI.CPU_OFF:
      return PSCI_RETURN.DENIED;
    case PSCI.CPU_SUSPEND:
      // The shallowest state there is: the caller waits for an interrupt, which is what it gets.
      return PSCI_RETURN.SUCCESS;
    case PSCI.MIGRATE_INFO_TYPE:
      return PSCI_NO_MIGRATION;
    case PSCI.SYSTEM_OFF:
      power.powerOff();
      return PSCI_RETURN.SUCCESS;
    case PSCI.SYSTEM_RESET:
      power.reset();
      return PSCI_RETURN.SUCCESS;
    default:
      return PSCI_RETURN.NOT_SUPPORTED;
  }
}
