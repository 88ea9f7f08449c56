/** `benchclient:` measures from within Anode: a client with promises, in a daemon's thread. */

import { serve, system } from "../../user/scheme.js";
import { measuringScheme } from "../measuring-scheme.js";

const files = system();

await serve(
  measuringScheme(async ({ url, bytes }) => {
    const file = await files.open(url);
    return {
      size: bytes === 0 ? 0 : (await file.stat()).size,
      read: (buffer, offset) => file.read(buffer, offset),
      close: () => file.close(),
    };
  }),
  { wakesBy: "doorbell" },
);
