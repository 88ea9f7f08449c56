/**
 * The daemon of `file:` on a disk. It mounts what is on `disk:/0`, says in the log what it found,
 * and ends with an error if that is no RedoxFS.
 */

import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { log, serve, system } from "../../user/scheme.js";
import { FileSystem } from "../fs/file-system.js";
import { mount } from "../fs/mount.js";
import type { DiskTime } from "../fs/node.js";
import { diskDevice } from "./disk-device.js";
import { fileScheme } from "./file-scheme.js";

const disk = await system().open("disk:/0", { mode: O_READ | O_WRITE });
const { volume, skipped } = await mount(await diskDevice(disk));
for (const { generation, error } of skipped) {
  log(`file: generation ${generation} is damaged, an older one is used: ${String(error)}`);
}
await serve(fileScheme(new FileSystem(volume, now), { log }));

function now(): DiskTime {
  const ms = Date.now();
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1e6 };
}
