/**
 * Globals of confined code that are not the language's own. Loaded before everything else: other
 * modules use them as they load.
 */

import { bridge } from "./bridge.js";
import { shown } from "./describe.js";
import { ConfinedTextDecoder, ConfinedTextEncoder } from "./text.js";
import { TIMERS } from "./timers.js";

/** Lines go to the system's log, if `log:` may be written. */
const say = (...values: unknown[]): void => {
  for (const line of values.map(shown).join(" ").split("\n")) bridge().log(line);
};

Object.assign(globalThis, {
  ...TIMERS,
  console: Object.freeze({ log: say, info: say, warn: say, error: say, debug: say }),
  TextEncoder: ConfinedTextEncoder,
  TextDecoder: ConfinedTextDecoder,
});
