/** The conformance suite on `null:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "null:",
  object: "null:/",
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "null:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
