/** `gpiod`: the pins of the first PL061 of the board as `gpio:`. */

import { randomInt } from "node:crypto";
import { openDevices } from "../../user/driver.js";
import { serve } from "../../user/scheme.js";
import { Gpio } from "./gpio.js";
import { gpioScheme } from "./gpio-scheme.js";

const [device] = await openDevices();
const gpio = new Gpio(device);
void gpio.run();
await serve(gpioScheme(gpio, randomInt(2 ** 47)), { wakesBy: "doorbell" });
