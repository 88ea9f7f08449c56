/** Plays the counterparts of sel4test. The list is in docs/capability-tests.md. */

import { SEL4 } from "./catalogue.js";
import { play } from "./play.js";

play("sel4test", SEL4);
