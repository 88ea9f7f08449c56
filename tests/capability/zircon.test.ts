/** Plays the counterparts of Zircon's core tests. The list is in docs/capability-tests.md. */

import { ZIRCON } from "./catalogue.js";
import { play } from "./play.js";

play("zircon", ZIRCON);
