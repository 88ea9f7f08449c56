/** `rngd`: all virtio entropy devices of the board as `hwrng:`. */

import { openDevices } from "../../user/driver.js";
import { processArgs, serve } from "../../user/scheme.js";
import { timeoutArgument } from "../virtio/timeout-argument.js";
import { hwrngScheme } from "./hwrng-scheme.js";
import { VirtioEntropy } from "./virtio-entropy.js";

const options = timeoutArgument(processArgs());
const devices = await openDevices();
const sources = await Promise.all(devices.map((device) => VirtioEntropy.open(device, options)));
await serve(hwrngScheme(sources), { wakesBy: "doorbell" });
