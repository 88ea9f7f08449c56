/** The conformance suite on `ram:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { conformance } from "./suite.js";

conformance({
  name: "ram:",
  root: "ram:/",
  boot: async () => {
    const os = await bootForTest({});
    return { system: os, close: () => os.close() };
  },
});
