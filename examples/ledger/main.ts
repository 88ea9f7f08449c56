/** The daemon of `ledger:`: its store, and its scheme over it. */

import { serve } from "anode-os/scheme";
import { openStore } from "anode-os/store";
import { ledgerScheme } from "./scheme.js";

await serve(ledgerScheme(await openStore()), { wakesBy: "doorbell" });
