/**
 * What confinement costs: the same null call, recovery and idle process, confined, beside plain
 * threads.
 */

import { boot } from "../../cli/boot.js";
import { CONFINED_DAEMON } from "../daemons.js";
import { bootBench, Image, runProgram } from "../machine.js";
import type { Case } from "../probe.js";
import { census } from "./memory.js";
import { IMAGE_BYTES, kill, readSector, repeat } from "./recovery.js";

const CALLER = new URL("../programs/null-caller.js", import.meta.url);
const PROCESSES_MAX = 12;

/** A blocking null call to a confined daemon. The caller is a thread. */
export const confinedNullCall: Case = {
  name: "confined-null-call",
  unit: "ns",
  async prepare({ warmMs, runMs }) {
    const plain = await bootBench();
    const confined = await boot();
    await confined.load(CONFINED_DAEMON.folder);
    const args = [1, warmMs, runMs];
    return {
      subject: { name: "anode", sample: () => runProgram(confined, CALLER, args) },
      baselines: [{ name: "thread", sample: () => runProgram(plain, CALLER, args) }],
      async close() {
        await plain.close();
        await confined.close();
      },
    };
  },
};

/** Kill → first request served again, by a confined disk driver. */
export const confinedRecovery: Case = {
  name: "confined-recovery",
  unit: "ms",
  async prepare({ repeats }) {
    const image = new Image(IMAGE_BYTES);
    const machine = await boot({ disk: image.path, confine: ["virtio-blkd"] });
    const file = await machine.open("disk:/0");
    await readSector(file);
    const other = new Image(IMAGE_BYTES);
    const plain = await boot({ disk: other.path });
    const plainFile = await plain.open("disk:/0");
    await readSector(plainFile);
    return {
      subject: { name: "anode", sample: () => repeat(repeats, () => kill(machine, file)) },
      baselines: [{ name: "thread", sample: () => repeat(repeats, () => kill(plain, plainFile)) }],
      async close() {
        await machine.close();
        await plain.close();
        image.remove();
        other.remove();
      },
    };
  },
};

/** Bytes that one more idle confined process takes. */
export const confinedMemory: Case = {
  name: "confined-memory",
  unit: "bytes",
  async prepare({ repeats }) {
    const count = Math.min(PROCESSES_MAX, 4 * repeats);
    return {
      subject: census("anode", "confined", count),
      baselines: [census("thread", "anode", count)],
      close: async () => undefined,
    };
  },
};
