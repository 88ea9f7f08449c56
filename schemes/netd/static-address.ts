/** Reads an address that is set by hand: `ADDRESS/BITS [GATEWAY [NAMESERVER]]`. */

import { EINVAL } from "../../ipc/errno.js";
import { parseAddress } from "../net/address.js";
import type { StaticAddress } from "./service.js";

/** The address that the words say; undefined for `dhcp` or none. @throws EINVAL */
export function parseStatic(words: readonly string[]): StaticAddress | undefined {
  const [first, gateway, nameServer] = words;
  if (first === undefined || first === "dhcp") return undefined;
  const [, text = "", bits] = /^([\d.]+)\/(\d{1,2})$/.exec(first) ?? [];
  const address = parseAddress(text);
  const prefix = Number(bits);
  const router = gateway === undefined ? undefined : parseAddress(gateway);
  const server = nameServer === undefined ? undefined : parseAddress(nameServer);
  const wrong =
    address === undefined ||
    prefix > 32 ||
    (gateway !== undefined && router === undefined) ||
    (nameServer !== undefined && server === undefined);
  if (wrong) throw EINVAL;
  return { address, prefix, router, nameServers: server === undefined ? [] : [server] };
}
