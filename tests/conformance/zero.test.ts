/** The conformance suite on `zero:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "zero:",
  object: "zero:/",
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "zero:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
