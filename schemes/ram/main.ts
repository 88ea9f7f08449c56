/** The daemon of `ram:`. What it holds is gone with it: handles from before a restart are stale. */

import { serve } from "../../user/scheme.js";
import { ramScheme } from "./ram.js";

await serve(ramScheme(), { wakesBy: "doorbell" });
