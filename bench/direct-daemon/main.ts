/**
 * `benchdirect:` is the disk driver measured from inside: the same code in the same kind of thread,
 * called as a function, without a channel between the caller and it.
 */

import { VirtioDisk } from "../../drivers/virtio-blkd/virtio-disk.js";
import { openDevices } from "../../user/driver.js";
import { ENODEV, serve } from "../../user/scheme.js";
import { measuringScheme } from "../measuring-scheme.js";

const [device] = await openDevices();
if (device === undefined) throw ENODEV;
const disk = await VirtioDisk.open(device);

await serve(
  measuringScheme(async () => ({
    size: disk.sectorCount * disk.sectorSize,
    read: (buffer, offset) => disk.read(offset, buffer),
    close: async () => undefined,
  })),
  { wakesBy: "doorbell" },
);
