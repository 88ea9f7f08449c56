/** The daemon of `zero:`. */

import { serve } from "../../user/scheme.js";
import { zeroScheme } from "./zero.js";

await serve(zeroScheme("zero"), { wakesBy: "doorbell" });
