/**
 * The daemon of `ram:` and `file:`, two names of one tree. What it holds is gone with it: handles
 * from before a restart are stale.
 */

import { incarnation, serve } from "../../user/scheme.js";
import { furnish } from "./furnish.js";
import { ramScheme } from "./ram.js";

await serve(ramScheme({ furnish, generation: incarnation() }), { wakesBy: "doorbell" });
