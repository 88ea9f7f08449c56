/** Writes docs/capability-tests.md anew from the tests: `npm run capability-tests`. */

import { writeFileSync } from "node:fs";
import { ROOT } from "../docs/blocks.js";
import { capabilityTestsPage } from "./document.js";

writeFileSync(`${ROOT}docs/capability-tests.md`, capabilityTestsPage());
