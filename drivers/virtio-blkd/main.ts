/** `virtio-blkd`: all virtio block devices of the board as `disk:`. */

import { openDevices } from "../../user/driver.js";
import { processArgs, serve } from "../../user/scheme.js";
import { diskScheme } from "../block/disk-scheme.js";
import { timeoutArgument } from "../virtio/timeout-argument.js";
import { VirtioDisk } from "./virtio-disk.js";

const options = timeoutArgument(processArgs());
const devices = await openDevices();
const disks = await Promise.all(devices.map((device) => VirtioDisk.open(device, options)));
await serve(diskScheme(disks), { wakesBy: "doorbell" });
