/** `anode fsck`: checks a RedoxFS in an image, and repairs it on demand. */

import { BLOCK_BYTES } from "../schemes/fs/block-device.js";
import { check, type Finding } from "../schemes/fs/check.js";
import { mount } from "../schemes/fs/mount.js";
import { mountForRepair, repair } from "../schemes/fs/repair.js";
import { formatByteSize } from "../user/byte-size.js";
import { openImageDevice } from "./image-device.js";
import { diskNow, progressLine, runTool, STATUS } from "./tool.js";

/** Options of the command line. */
export interface FsckOptions {
  repair: boolean;
  json: boolean;
}

/** What is printed with `--json`. */
interface Result {
  image: string;
  generation: number;
  /** Newer generations that are damaged. */
  skipped: { generation: number; error: string }[];
  repaired: Finding[];
  left: Finding[];
  files: number;
  directories: number;
  symlinks: number;
  blocks: number;
  used: number;
  free: number;
}

/** Checks; returns 0: nothing wrong, 1: all repaired, 4: something is left, 8: no check at all. */
export async function fsckCommand(path: string, options: FsckOptions): Promise<number> {
  return await runTool(async () => {
    const device = await openImageDevice(path, { readOnly: !options.repair });
    const progress = progressLine();
    const show = (done: number, total: number): void => {
      progress.show(() => `${path}: ${done} of ${total} names`);
    };
    try {
      const { volume, skipped } = options.repair
        ? await mountForRepair(device)
        : await mount(device, { readOnly: true });
      const repaired = options.repair ? await repair(volume, { now: diskNow, progress: show }) : [];
      const { findings, reachable: _, ...counts } = await check(volume, { progress: show });
      await volume.unmount();
      progress.end();
      const { generation } = volume.header;
      const texts = skipped.map((one) => ({ ...one, error: String(one.error) }));
      print(
        { image: path, generation, skipped: texts, repaired, left: findings, ...counts },
        options,
      );
      if (findings.length > 0) return STATUS.LEFT;
      return repaired.length > 0 ? STATUS.REPAIRED : STATUS.OK;
    } finally {
      progress.end();
      await device.close();
    }
  }, STATUS.FAILED);
}

function print(result: Result, { json, repair: repairs }: FsckOptions): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const lines = [
    ...result.skipped.map(({ generation, error }) => `generation ${generation}: ${error}`),
    ...result.repaired.map((finding) => `repaired: ${describe(finding)}`),
    ...result.left.map(describe),
  ];
  const { files, directories, symlinks, used, free, generation, left } = result;
  const size = (blocks: number): string => formatByteSize(blocks * BLOCK_BYTES);
  const space = `${size(used)} used, ${size(free)} free`;
  const counts = `${files} files, ${directories} directories, ${symlinks} links`;
  const hint = repairs ? "" : "; --repair repairs it";
  const verdict = left.length === 0 ? "clean" : `${left.length} faults${hint}`;
  lines.push(`${result.image}: generation ${generation}, ${counts}, ${space}: ${verdict}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function describe({ kind, path, detail }: Finding): string {
  return `${kind}: ${path === "" ? "" : `${path}: `}${detail}`;
}
