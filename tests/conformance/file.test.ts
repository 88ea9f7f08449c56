/** The conformance suite on `file:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "file:",
  root: "file:/tmp/",
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "file:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
