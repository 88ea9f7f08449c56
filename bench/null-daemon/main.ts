/** `benchnull:` answers every read at once with nothing: what is left is the price of a request. */

import { serve } from "../../user/scheme.js";

await serve({ open: () => ({}), read: () => 0 }, { wakesBy: "doorbell" });
