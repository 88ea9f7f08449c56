/** The conformance suite on `rand:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "rand:",
  object: "rand:/",
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "rand:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
