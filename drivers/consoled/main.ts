/** `consoled`: all virtio consoles of the board as `console:`. */

import { openDevices } from "../../user/driver.js";
import { serve } from "../../user/scheme.js";
import { terminalScheme } from "../character/terminal-scheme.js";
import { VirtioTerminal } from "./virtio-terminal.js";

const devices = await openDevices();
const consoles = await Promise.all(devices.map((device) => VirtioTerminal.open(device)));
const terminals = consoles.map(({ terminal }) => terminal);
await serve(terminalScheme(terminals, "console"), { wakesBy: "doorbell" });
