/** `benchnull:` once more, confined: what is left is the price of a request, and of confinement. */

import { serve } from "anode-os/scheme";

await serve({ open: () => ({}), read: () => 0 }, { wakesBy: "doorbell" });
