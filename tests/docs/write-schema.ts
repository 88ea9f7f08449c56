/** Writes docs/anode.schema.json anew from the kernel's schema: `npm run schema`. */

import { writeFileSync } from "node:fs";
import { manifestJsonSchema } from "../../kernel/manifest-schema.js";
import { ROOT } from "./blocks.js";

writeFileSync(`${ROOT}docs/anode.schema.json`, JSON.stringify(manifestJsonSchema(), null, 2));
