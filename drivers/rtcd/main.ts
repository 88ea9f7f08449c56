/** `rtcd`: the first PL031 of the board as `rtc:`. */

import { openDevices } from "../../user/driver.js";
import { serve } from "../../user/scheme.js";
import { Rtc } from "./rtc.js";
import { rtcScheme } from "./rtc-scheme.js";

const [device] = await openDevices();
const rtc = new Rtc(device);
void rtc.run();
await serve(rtcScheme(rtc), { wakesBy: "doorbell" });
