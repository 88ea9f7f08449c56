/** The conformance suite on `ram:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "ram:",
  root: "ram:/",
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "ram:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
