/** The daemon of `null:`. */

import { serve } from "../../user/scheme.js";
import { zeroScheme } from "../zero/zero.js";

await serve(zeroScheme("null"), { wakesBy: "doorbell" });
