/** Paths of network schemes: remote and local ends as people write them. */

import { EINVAL, ENOENT } from "../../ipc/errno.js";
import { ANY_ADDRESS, type Endpoint, parseAddress, parsePort } from "../net/address.js";
import type { NetService } from "./service.js";

/** What a path of `tcp:` or `udp:` names. */
export type SocketPath =
  /** `/HOST:PORT[/LOCAL:PORT]`: one peer. */
  | { tag: "peer"; host: string; port: number; local: Endpoint }
  /** `/:PORT[/LOCAL]`: whoever comes. */
  | { tag: "listen"; local: Endpoint }
  /** `/:PORT/listen`: the next connection of a listener. */
  | { tag: "accept"; port: number };

const ANY: Endpoint = { address: ANY_ADDRESS, port: 0 };
const ACCEPT = "listen";

/** Reads a path. @throws ENOENT when it is none, EINVAL when a number in it is wrong */
export function parseSocketPath(path: string): SocketPath {
  const [, host, port, local] = /^\/([^:/]*):(\d+)(?:\/(.+))?$/.exec(path) ?? [];
  if (host === undefined || port === undefined) throw ENOENT;
  if (host !== "") return { tag: "peer", host, port: portOf(port), local: localOf(local) };
  if (local === ACCEPT) return { tag: "accept", port: portOf(port) };
  const address = local === undefined ? ANY_ADDRESS : parseAddress(local);
  if (address === undefined) throw EINVAL;
  // Port 0 asks for any that is free.
  return { tag: "listen", local: { address, port: port === "0" ? 0 : portOf(port) } };
}

function portOf(text: string): number {
  const port = parsePort(text);
  if (port === undefined) throw EINVAL;
  return port;
}

/** `ADDRESS:PORT`, either of which may be left out. */
function localOf(text: string | undefined): Endpoint {
  if (text === undefined) return ANY;
  const [, host = "", port = ""] = /^([^:]*)(?::(\d+))?$/.exec(text) ?? [];
  const address = host === "" ? ANY_ADDRESS : parseAddress(host);
  if (address === undefined) throw EINVAL;
  return { address, port: port === "" || port === "0" ? 0 : portOf(port) };
}

/** The address of a host: at once when it is one, or else by name. @throws as the resolver says */
export function addressOf(service: NetService, host: string): number | Promise<number> {
  const literal = parseAddress(host);
  if (literal !== undefined) return literal;
  return lookUp(service, host).then(([first]) => {
    if (first === undefined) throw ENOENT;
    return first;
  });
}

/** The addresses of a name. */
export function lookUp(service: NetService, name: string): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    service.resolver.resolve(name, service.now(), (resolved) => {
      if ("error" in resolved) reject(resolved.error);
      else resolve(resolved.addresses);
    });
    service.settle();
  });
}
