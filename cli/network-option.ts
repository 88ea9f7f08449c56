/** The networks of a machine, as options. */

import { parseNetwork } from "../hw/backends/network.js";
import { NetworkHub } from "../hw/backends/network-hub.js";
import type { BoardNetwork } from "../hw/thread.js";
import { BootError } from "./boot-error.js";

/**
 * A network for the board: `none`, `socket:PATH[,listen]` or `udp:HOST:PORT,HOST:PORT`, each with
 * `,pcap=FILE` and `,mac=ADDRESS`; or a hub, of which the machine gets a port.
 */
export type NetworkOption = string | NetworkHub;

/** The first network, or all of them in order. */
export type NetworkOptions = NetworkOption | readonly NetworkOption[];

/** All networks of the options, in order. */
export function networkList(network: NetworkOptions | undefined): readonly NetworkOption[] {
  return [network ?? []].flat() as NetworkOption[];
}

/** What the board is told of them. Plugs a machine into the hubs. @throws BootError */
export function boardNetworks(networks: readonly NetworkOption[]): BoardNetwork[] {
  return networks.map((network) => {
    if (network instanceof NetworkHub) return { kind: "hub", ...network.plug() };
    try {
      return parseNetwork(network);
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      throw new BootError(code, message);
    }
  });
}
