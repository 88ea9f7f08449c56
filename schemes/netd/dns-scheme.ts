/** `dns:/NAME` reads the addresses of a name, one in a line. */

import { EACCES, ENOENT } from "../../ipc/errno.js";
import { O_WRITE } from "../../ipc/open-flags.js";
import { opened, type Scheme } from "../../ipc/scheme.js";
import { copyAt } from "../../user/scheme.js";
import { formatAddress } from "../net/address.js";
import { lookUp } from "./endpoints.js";
import type { NetService } from "./service.js";

/** What a name had when it was opened. */
export interface DnsHandle {
  readonly text: string;
}

/** Makes the scheme over a network. */
export function dnsScheme(service: NetService): Scheme<DnsHandle> {
  return {
    async open(path, { flags }) {
      const name = path.slice(1);
      if (name === "" || name.includes("/")) throw ENOENT;
      if ((flags & O_WRITE) !== 0) throw EACCES;
      const addresses = await lookUp(service, name);
      const text = addresses.map((address) => `${formatAddress(address)}\n`).join("");
      return opened({ text }, { positioned: true, identity: { object: path, generation: 0 } });
    },
    read: ({ text }, bytes, offset) => copyAt(text, bytes, offset),
    fsize: ({ text }) => text.length,
    fstat: ({ text }) => ({ kind: "file", size: text.length, mode: 0o444 }),
  };
}
