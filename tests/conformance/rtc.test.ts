/** The conformance suite on `rtc:` of a booted machine. */

import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

conformance({
  name: "rtc:",
  object: "rtc:/time",
  skips: {
    "transfer: only the caller's part of a buffer is touched": "what is written has a form",
  },
  boot: async () => {
    const os = await bootForTest({});
    return {
      system: os,
      narrowed: (rights, prefix = "rtc:/") => narrow(os, prefix, rights),
      close: () => os.close(),
    };
  },
});
