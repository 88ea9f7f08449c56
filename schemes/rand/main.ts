/** The daemon of `rand:`. */

import { serve } from "../../user/scheme.js";
import { randScheme } from "./rand.js";

await serve(randScheme(), { wakesBy: "doorbell" });
