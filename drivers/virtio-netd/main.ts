/** `virtio-netd`: all virtio network devices of the board as `network:`. */

import { openDevices } from "../../user/driver.js";
import { processArgs, serve } from "../../user/scheme.js";
import { networkScheme } from "../network/network-scheme.js";
import { timeoutArgument } from "../virtio/timeout-argument.js";
import { VirtioNic } from "./virtio-nic.js";

const options = timeoutArgument(processArgs());
const devices = await openDevices();
const interfaces = await Promise.all(devices.map((device) => VirtioNic.open(device, options)));
await serve(networkScheme(interfaces), { wakesBy: "doorbell" });
