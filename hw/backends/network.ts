/*
 * Networks by description, as a user writes it: `none`, `socket:PATH[,listen]`,
 * `udp:LOCAL,REMOTE`, each with `,pcap=FILE` and `,mac=ADDRESS`. Ports of a hub come as objects
 * (network-hub.ts). Frames carry no FCS anywhere.
 */
import { type NetworkBackend, newNetworkCounters } from "../network.js";
import { MAC_SIZE } from "../regs/virtio-net.js";
import { NetworkError } from "./network-error.js";
import { captureNetwork } from "./network-pcap.js";
import { openSocketNetwork } from "./network-socket.js";
import { type Endpoint, openUdpNetwork } from "./network-udp.js";

/** A described network. */
export type NetworkPlan = { mac?: Uint8Array<ArrayBuffer>; capture?: string } & (
  | { kind: "none" }
  | { kind: "socket"; path: string; listen: boolean }
  | { kind: "udp"; local: Endpoint; remote: Endpoint }
);

const FORMS = "none, socket:PATH[,listen] or udp:HOST:PORT,HOST:PORT";

/** Reads a description. @throws NetworkError EINVAL */
export function parseNetwork(text: string): NetworkPlan {
  const [first = "", ...words] = text.split(",");
  const colon = first.indexOf(":");
  const kind = colon < 0 ? first : first.slice(0, colon);
  const rest = colon < 0 ? "" : first.slice(colon + 1);
  switch (kind) {
    case "none":
      return { kind, ...optionsOf(text, words) };
    case "socket": {
      if (rest === "") throw invalid(text, "socket: needs the path of a socket");
      const listen = words.includes("listen");
      const options = optionsOf(
        text,
        words.filter((word) => word !== "listen"),
      );
      return { kind, path: rest, listen, ...options };
    }
    case "udp": {
      const [remote = "", ...more] = words;
      const ends = { local: endpointOf(text, rest), remote: endpointOf(text, remote) };
      return { kind, ...ends, ...optionsOf(text, more) };
    }
    default:
      throw invalid(text, `give ${FORMS}`);
  }
}

/** Opens a network. Rejects with a NetworkError when it can't be used. */
export async function openNetwork(plan: NetworkPlan): Promise<NetworkBackend> {
  const network = await openPlain(plan);
  return plan.capture === undefined ? network : await captureNetwork(network, plan.capture);
}

async function openPlain(plan: NetworkPlan): Promise<NetworkBackend> {
  switch (plan.kind) {
    case "none":
      return noNetwork();
    case "socket":
      return await openSocketNetwork(plan);
    case "udp":
      return await openUdpNetwork(plan);
  }
}

/** A link that leads nowhere: what is sent is gone. */
export function noNetwork(): NetworkBackend {
  const counters = newNetworkCounters();
  return {
    counters,
    connect() {},
    transmit() {
      counters.sent++;
    },
    resume() {},
    async close() {},
  };
}

function optionsOf(
  text: string,
  words: readonly string[],
): { mac?: Uint8Array<ArrayBuffer>; capture?: string } {
  const options: { mac?: Uint8Array<ArrayBuffer>; capture?: string } = {};
  for (const word of words) {
    const [name = "", value = ""] = word.split(/=(.*)/s);
    if (name === "pcap" && value !== "") options.capture = value;
    else if (name === "mac") options.mac = macOf(text, value);
    else throw invalid(text, `unknown option "${word}"; known: listen, pcap=FILE, mac=ADDRESS`);
  }
  return options;
}

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

function macOf(text: string, value: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(value.split(":"), (part) => Number.parseInt(part, 16));
  const isGroup = (bytes[0] ?? 1) % 2 === 1;
  if (!MAC.test(value) || bytes.length !== MAC_SIZE || isGroup) {
    throw invalid(text, `mac=${value} is no address of one interface, like 52:54:00:12:34:56`);
  }
  return bytes;
}

const ENDPOINT = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i;
const PORT_MAX = 65_535;

function endpointOf(text: string, value: string): Endpoint {
  const [, ipv6, host = ipv6, digits] = ENDPOINT.exec(value) ?? [];
  const port = Number(digits);
  if (host === undefined || !(port >= 0 && port <= PORT_MAX)) {
    throw invalid(text, `"${value}" is not HOST:PORT`);
  }
  return { host, port, family: ipv6 === undefined ? "udp4" : "udp6" };
}

function invalid(text: string, hint: string): NetworkError {
  return new NetworkError("EINVAL", `network ${text}: ${hint}`);
}
