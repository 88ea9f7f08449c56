/**
 * The datagram sockets of a host: which one a datagram is for, and ports. The socket that names
 * most of its ends wins.
 */

import type { Random } from "../../ipc/clock.js";
import { EADDRINUSE, ENOBUFS } from "../../ipc/errno.js";
import { ANY_ADDRESS, type Endpoint } from "./address.js";
import { DatagramSocket } from "./datagram-socket.js";
import { EPHEMERAL_PORT_FIRST, EPHEMERAL_PORT_LAST, SOCKETS_MAX } from "./limits.js";

const PORTS = EPHEMERAL_PORT_LAST - EPHEMERAL_PORT_FIRST + 1;

/** Sockets of one protocol. A port is a UDP port, or the identifier of an echo. */
export class Sockets {
  readonly #random: Random;
  readonly #byPort = new Map<number, DatagramSocket[]>();
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get count(): number {
    return this.#count;
  }

  *[Symbol.iterator](): Generator<DatagramSocket> {
    for (const sockets of this.#byPort.values()) yield* sockets;
  }

  /** Makes a socket; port 0 asks for an ephemeral one. @throws EADDRINUSE, ENOBUFS */
  open(local: Endpoint, remote?: Endpoint): DatagramSocket {
    if (this.#count >= SOCKETS_MAX) throw ENOBUFS;
    const port = local.port === 0 ? this.#ephemeral() : local.port;
    const same = this.#byPort.get(port) ?? [];
    const clash = (other: DatagramSocket): boolean =>
      (other.local.address === local.address ||
        other.local.address === ANY_ADDRESS ||
        local.address === ANY_ADDRESS) &&
      other.remote?.address === remote?.address &&
      other.remote?.port === remote?.port;
    if (same.some(clash)) throw EADDRINUSE;
    const socket = new DatagramSocket({ address: local.address, port }, remote);
    this.#byPort.set(port, [...same, socket]);
    this.#count += 1;
    return socket;
  }

  close(socket: DatagramSocket): void {
    const { port } = socket.local;
    const all = this.#byPort.get(port) ?? [];
    const rest = all.filter((other) => other !== socket);
    this.#count -= all.length - rest.length;
    if (rest.length > 0) this.#byPort.set(port, rest);
    else this.#byPort.delete(port);
  }

  /** The socket for what came to `local` from `remote`. */
  find(local: Endpoint, remote: Endpoint): DatagramSocket | undefined {
    let best: DatagramSocket | undefined;
    let most = -1;
    for (const socket of this.#byPort.get(local.port) ?? []) {
      const here = socket.local.address;
      const there = socket.remote;
      if (here !== ANY_ADDRESS && here !== local.address) continue;
      if (there !== undefined) {
        if (there.address !== remote.address || there.port !== remote.port) continue;
      }
      const named = (there === undefined ? 0 : 2) + (here === ANY_ADDRESS ? 0 : 1);
      if (named > most) [best, most] = [socket, named];
    }
    return best;
  }

  #ephemeral(): number {
    const first = this.#random.below(PORTS);
    for (let i = 0; i < PORTS; i++) {
      const port = EPHEMERAL_PORT_FIRST + ((first + i) % PORTS);
      if (!this.#byPort.has(port)) return port;
    }
    throw EADDRINUSE;
  }
}
