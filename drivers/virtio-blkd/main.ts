/** `virtio-blkd`: all virtio block devices of the board as `disk:`. */

import { openDevices } from "../../user/driver.js";
import { serve } from "../../user/scheme.js";
import { diskScheme } from "../block/disk-scheme.js";
import { VirtioDisk } from "./virtio-disk.js";

const devices = await openDevices();
const disks = await Promise.all(devices.map((device) => VirtioDisk.open(device)));
for (const disk of disks) void disk.run();
await serve(diskScheme(disks), { wakesBy: "doorbell" });
