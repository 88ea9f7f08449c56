/** The conformance suite on a `ram:` that runs confined. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "../conformance/narrow.js";
import { conformance } from "../conformance/suite.js";

conformance({
  name: "ram: (confined)",
  root: "ram:/",
  boot: async () => {
    const os = await bootForTest({ confine: ["ram"] });
    return {
      system: os,
      narrowed: (rights, prefix = "ram:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
