/**
 * `netcfg:`, the settings of the network as a tree of small text files. A write is one line, and is
 * in force when it returns.
 *
 *     resolv/nameserver            addresses of name servers, one in a line; a write replaces them
 *     route/list                   "default via 10.0.2.2 src 10.0.2.15"
 *     route/add, route/rm          "10.1.0.0/16 via 10.0.2.2", "default"
 *     ifaces/eth0/mac              52:54:00:12:34:56
 *     ifaces/eth0/addr/list, set   "10.0.2.15/24"
 *     ifaces/eth0/arp, counters    neighbours; frames in and out
 */

import { EACCES, EINVAL, EISDIR, ENETUNREACH, ENOENT, ENOTDIR } from "../../ipc/errno.js";
import { O_DIRECTORY, O_WRITE } from "../../ipc/open-flags.js";
import { opened, type Scheme } from "../../ipc/scheme.js";
import type { DirectoryEntry } from "../../ipc/stat.js";
import { copyAt } from "../../user/scheme.js";
import { formatAddress, formatMac, maskOf, parseAddress } from "../net/address.js";
import type { Route } from "../net/routes.js";
import type { NetService } from "./service.js";

interface Leaf {
  read?(service: NetService): string[];
  write?(service: NetService, line: string): void;
}

/** What is open: a file of the tree, or a directory with its entries. */
export type NetcfgHandle =
  | { kind: "file"; leaf: Leaf }
  | { kind: "directory"; entries: readonly DirectoryEntry[] };

const NAME_SERVERS_MAX = 3;

const FILES: Readonly<Record<string, Leaf>> = {
  "/resolv/nameserver": {
    read: ({ resolver }) => resolver.servers.map(formatAddress),
    write({ resolver }, line) {
      const servers = line.split(/[\s,]+/).map(addressIn);
      if (servers.length > NAME_SERVERS_MAX) throw EINVAL;
      resolver.servers = servers;
    },
  },
  "/route/list": {
    read: ({ stack }) => stack.routes.list.map(formatRoute),
  },
  "/route/add": {
    write({ stack }, line) {
      const [, network = "", gateway] = /^(\S+)(?: via (\S+))?$/.exec(line) ?? [];
      const hop = gateway === undefined ? undefined : addressIn(gateway);
      const source = hop === undefined ? [...stack.addresses.keys()][0] : sourceTo(stack, hop);
      if (source === undefined) throw ENETUNREACH;
      stack.routes.add({ ...networkIn(network), gateway: hop, source });
    },
  },
  "/route/rm": {
    write: ({ stack }, line) => stack.routes.remove(networkIn(line)),
  },
  "/ifaces/eth0/mac": { read: ({ stack }) => [formatMac(stack.mac)] },
  "/ifaces/eth0/addr/list": {
    read: ({ stack }) =>
      [...stack.addresses].map(([address, prefix]) => `${formatAddress(address)}/${prefix}`),
  },
  "/ifaces/eth0/addr/set": {
    write(service, line) {
      const [text = "", bits = ""] = line.split("/");
      const prefix = prefixIn(bits);
      service.configure({ address: addressIn(text), prefix, router: undefined, nameServers: [] });
    },
  },
  "/ifaces/eth0/arp": {
    read: ({ stack }) =>
      [...stack.neighbours.list()].map(
        ({ address, state, mac }) =>
          `${formatAddress(address)} ${mac === undefined ? "-" : formatMac(mac)} ${state}`,
      ),
  },
  "/ifaces/eth0/counters": {
    read: ({ stack }) => [
      ...Object.entries(stack.counters).map(([name, count]) => `${name} ${count}`),
      `connections ${stack.tcp.connectionCount}`,
    ],
  },
};

/** Makes the scheme over a network. */
export function netcfgScheme(service: NetService): Scheme<NetcfgHandle> {
  return {
    open(path, { flags }) {
      const writes = (flags & O_WRITE) !== 0;
      const identity = { object: path, generation: 0 };
      const leaf = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
      if (leaf !== undefined) {
        if ((flags & O_DIRECTORY) !== 0) throw ENOTDIR;
        if (writes && leaf.write === undefined) throw EACCES;
        return opened({ kind: "file" as const, leaf }, { identity });
      }
      const entries = entriesOf(path);
      if (entries.length === 0) throw ENOENT;
      if (writes) throw EISDIR;
      return opened({ kind: "directory" as const, entries }, { positioned: true, identity });
    },
    read(handle, bytes, offset) {
      if (handle.kind === "directory") throw EISDIR;
      const lines = handle.leaf.read?.(service) ?? [];
      return copyAt(lines.map((line) => `${line}\n`).join(""), bytes, offset);
    },
    write(handle, bytes) {
      if (handle.kind === "directory") throw EISDIR;
      if (handle.leaf.write === undefined) throw EACCES;
      handle.leaf.write(service, Buffer.from(bytes).toString().trim());
      service.settle();
      return bytes.length;
    },
    fsync() {},
    fstat: ({ kind }) => ({ kind, size: 0, mode: kind === "file" ? 0o644 : 0o755 }),
    getdents(handle, cursor) {
      if (handle.kind !== "directory") throw ENOTDIR;
      return handle.entries.slice(cursor);
    },
  };
}

function entriesOf(path: string): DirectoryEntry[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  const inside = Object.keys(FILES).filter((file) => file.startsWith(prefix));
  const rests = inside.map((file) => file.slice(prefix.length));
  const names = new Set(rests.map((rest) => rest.replace(/\/.*/, "")));
  return [...names].map((name, index) => ({
    name,
    kind: rests.includes(name) ? "file" : "directory",
    next: index + 1,
  }));
}

function addressIn(text: string): number {
  const address = parseAddress(text);
  if (address === undefined) throw EINVAL;
  return address;
}

function prefixIn(text: string): number {
  const prefix = Number(text);
  if (!/^\d{1,2}$/.test(text) || prefix > 32) throw EINVAL;
  return prefix;
}

/** `default`, an address, or `ADDRESS/BITS` without bits beyond the prefix. */
function networkIn(text: string): { network: number; prefix: number } {
  if (text === "default") return { network: 0, prefix: 0 };
  const [address = "", bits = "32"] = text.split("/");
  const network = addressIn(address);
  const prefix = prefixIn(bits);
  if ((network & maskOf(prefix)) >>> 0 !== network) throw EINVAL;
  return { network, prefix };
}

/** Our address on the way to a gateway, which must be a neighbour. */
function sourceTo(stack: NetService["stack"], gateway: number): number | undefined {
  const route = stack.routes.lookup(gateway);
  return route?.gateway === undefined ? route?.source : undefined;
}

function formatRoute({ network, prefix, gateway, source }: Route): string {
  const to = prefix === 0 ? "default" : `${formatAddress(network)}/${prefix}`;
  const via = gateway === undefined ? "" : ` via ${formatAddress(gateway)}`;
  return `${to}${via} src ${formatAddress(source)}`;
}
