/** The conformance suite on `null:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { conformance } from "./suite.js";

conformance({
  name: "null:",
  object: "null:/",
  boot: async () => {
    const os = await bootForTest({});
    return { system: os, close: () => os.close() };
  },
});
