/** A machine in child processes under test: its processes, and its reboots as they happen. */

import { readFileSync } from "node:fs";
import { type BootOptions, boot, type Reboot } from "../../cli/boot.js";
import type { Machine } from "../../cli/machine.js";
import { AssertionError } from "../../ipc/assert.js";

/** How long a reboot may take here; the machine that runs the tests may be busy. */
export const REBOOT_MS_MAX = 60_000;

/** A machine and what the ring tells of it. */
export interface RingedMachine {
  os: Machine;
  reboots: Reboot[];
  /** Set when the machine was given up. */
  givenUp: { reason: string | undefined };
  /** The process that the machine runs in. */
  pid(): number;
  /** Resolves to the next reboot that is not in `reboots` yet. */
  rebooted(): Promise<Reboot>;
  /** Kills the machine's process and resolves when it serves again. */
  killed(signal?: NodeJS.Signals): Promise<Reboot>;
}

/** Boots one. */
export async function bootRinged(options: BootOptions = {}): Promise<RingedMachine> {
  const reboots: Reboot[] = [];
  const givenUp: { reason: string | undefined } = { reason: undefined };
  const before = childrenOf(process.pid);
  let told: () => void = () => undefined;
  const os = await boot({
    standby: false,
    ...options,
    process: "child",
    onReboot: (reboot) => {
      reboots.push(reboot);
      told();
    },
    onGivenUp: ({ reason }) => {
      givenUp.reason = reason;
    },
  });
  const first = childrenOf(process.pid).find((pid) => !before.includes(pid));
  const pid = (): number => reboots.at(-1)?.pid ?? (first as number);
  const rebooted = (): Promise<Reboot> => {
    const count = reboots.length;
    const reboot = new Promise<Reboot>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new AssertionError(`no reboot within ${REBOOT_MS_MAX} ms; ${givenUp.reason}`));
      }, REBOOT_MS_MAX);
      told = () => {
        const reboot = reboots[count];
        if (reboot === undefined) return;
        clearTimeout(timer);
        resolve(reboot);
      };
    });
    // A test that fails before it waits for this has said enough.
    reboot.catch(() => undefined);
    return reboot;
  };
  return {
    os,
    reboots,
    givenUp,
    pid,
    rebooted,
    killed(signal = "SIGKILL") {
      const reboot = rebooted();
      process.kill(pid(), signal);
      return reboot;
    },
  };
}

/** Processes that a process has started from its main thread, and that still live. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** True while there is a process of this number that is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}

/** The whole text of a file in a machine. */
export async function readText(os: Machine, url: string): Promise<string> {
  const file = await os.open(url);
  const text = (await file.readAll()).toString();
  await file.close();
  return text;
}

/** How a promise failed; "no error" if it did not. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; outcome?: string; incarnation?: { old: number; now: number } }> {
  try {
    await promise;
  } catch (error) {
    return error as { code: string };
  }
  return { code: "no error" };
}
