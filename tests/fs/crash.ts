/**
 * Power cuts: random operations on a recording disk, then every disk that a power cut could have
 * left behind is mounted. Each must hold the state after some operation, not older than the last
 * sync that had returned, and a check must find nothing. Limits say how many disks are tried.
 */

import { expect } from "vitest";
import type { FileSystem } from "../../schemes/fs/file-system.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { Model, performOn, stateOf } from "./model.js";
import { randomOperation } from "./operations.js";
import { randomFrom } from "./random.js";
import { RecordingDevice } from "./recording-device.js";
import { expectClean, formatted, MEBIBYTE, mounted } from "./volume.js";

export interface CrashOptions {
  seed: number;
  operations: number;
  /** Disks made for each place where the power may fail. */
  subsets: number;
  /** Every so many-th place is tried. */
  stride: number;
}

/** A state that the disk may show, and how many writes had been made when it was safe. */
interface Milestone {
  readonly state: string;
  /** Writes before the operation; the state cannot be on the disk earlier. */
  readonly from: number;
}

type Fate = (at: number) => "there" | "gone" | "torn";

/** What a run has on record. */
interface Record {
  readonly device: RecordingDevice;
  readonly milestones: Milestone[];
  /** For each sync that returned: writes made by then, and the milestone that it made safe. */
  readonly syncs: { writes: number; milestone: number }[];
}

/** Runs the operations, and keeps all that is needed to judge any power cut. */
export async function recordRun({ seed, operations }: CrashOptions): Promise<Record> {
  const next = randomFrom(2 * seed + 1);
  const image = Buffer.alloc(4 * MEBIBYTE);
  await (await formatted(memoryDevice(image))).volume.unmount();
  const device = new RecordingDevice(image);
  const fs = await mounted(device);
  const model = new Model();
  const milestones: Milestone[] = [{ state: model.toString(), from: 0 }];
  const syncs: Record["syncs"] = [];
  for (let step = 0; step < operations; step++) {
    const operation = randomOperation(next, { names: 3, bytesMax: 150_000 });
    const expected = model.perform(operation);
    const from = device.length;
    const got = await performOn(fs, operation);
    expect(got, `${JSON.stringify({ seed, step, operation })}`).toBe(expected);
    if (expected === undefined) milestones.push({ state: model.toString(), from });
    if (next() % 5 === 0) await syncNow(fs, device, { milestones, syncs });
  }
  await syncNow(fs, device, { milestones, syncs });
  return { device, milestones, syncs };
}

async function syncNow(
  fs: FileSystem,
  device: RecordingDevice,
  { milestones, syncs }: Pick<Record, "milestones" | "syncs">,
): Promise<void> {
  await fs.volume.sync();
  syncs.push({ writes: device.length, milestone: milestones.length - 1 });
}

/**
 * Tries power cuts at every `stride`-th place and before every flush, where most is at stake;
 * returns how many disks were judged.
 */
export async function crashEverywhere(record: Record, options: CrashOptions): Promise<number> {
  const { device } = record;
  const next = randomFrom(2 * options.seed + 1001);
  let tried = 0;
  const cuts = new Set(device.flushPoints());
  for (let cut = options.seed % options.stride; cut <= device.length; cut += options.stride) {
    cuts.add(cut);
  }
  for (const cut of cuts) {
    // All there, all gone; then one gone or torn, and any of them, in turn.
    const fates: Fate[] = [() => "there", () => "gone"];
    while (fates.length < options.subsets) {
      const one = cut - 1 - (next() % Math.max(1, device.unsafe(cut)));
      const fate = next() % 2 === 0 ? "gone" : "torn";
      const onlyOne: Fate = (at) => (at === one ? fate : "there");
      fates.push(fates.length % 4 === 3 ? () => pick(next) : onlyOne);
    }
    const disks = Math.min(options.subsets, 2 * device.unsafe(cut) + 1);
    for (const [subset, fate] of fates.slice(0, disks).entries()) {
      const place = JSON.stringify({ seed: options.seed, cut, subset });
      await judge(record, { image: device.after(cut, fate), cut, place });
      tried += 1;
    }
  }
  return tried;
}

function pick(next: () => number): ReturnType<Fate> {
  const roll = next() % 8;
  if (roll === 0) return "torn";
  return roll % 2 === 0 ? "there" : "gone";
}

async function judge(
  { milestones, syncs }: Record,
  { image, cut, place }: { image: Buffer; cut: number; place: string },
): Promise<void> {
  const fs = await mounted(memoryDevice(image));
  const state = await stateOf(fs);
  const safe = syncs.findLast(({ writes }) => writes < cut)?.milestone ?? 0;
  const possible = milestones.filter(({ from }, at) => at >= safe && from <= cut);
  expect(
    possible.some((milestone) => milestone.state === state),
    `${place}: the disk shows what no operation has left:\n${state}`,
  ).toBe(true);
  await expectClean(fs);
}
