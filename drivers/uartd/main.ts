/** `uartd`: the first PL011 of the board as `serial:`. */

import { openDevices } from "../../user/driver.js";
import { serve } from "../../user/scheme.js";
import { terminalScheme } from "../character/terminal-scheme.js";
import { Uart } from "./uart.js";

const [device] = await openDevices();
const uart = new Uart(device);
void uart.run();
await serve(terminalScheme([uart.terminal], "serial"), { wakesBy: "doorbell" });
