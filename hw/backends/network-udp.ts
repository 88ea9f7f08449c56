/*
 * A network over UDP, as QEMU's `-netdev dgram`: one frame in each datagram, to one peer and from
 * it; what others send is dropped and counted.
 */
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { FrameQueue, type NetworkBackend, newNetworkCounters } from "../network.js";
import { NetworkError } from "./network-error.js";

/** Datagrams on their way to the host's network before more are dropped. */
const SENDING_MAX = 256;

/** A host by name or address, and a port. */
export interface Endpoint {
  host: string;
  port: number;
  family: "udp4" | "udp6";
}

/** A network over UDP says where it listens: port 0 lets the host choose. */
export interface UdpNetwork extends NetworkBackend {
  readonly port: number;
}

/** Opens the network. Rejects with a NetworkError when an end of it can't be used. */
export async function openUdpNetwork(plan: {
  local: Endpoint;
  remote: Endpoint;
}): Promise<UdpNetwork> {
  const { local, remote } = plan;
  const socket = createSocket(local.family);
  try {
    const { address } = await lookup(remote.host, local.family === "udp4" ? 4 : 6);
    await bound(socket, local);
    return udpNetwork(socket, { address, port: remote.port });
  } catch (error) {
    socket.close();
    const { code = "EIO" } = error as NodeJS.ErrnoException;
    const ends = `${local.host}:${local.port} to ${remote.host}:${remote.port}`;
    throw new NetworkError(code, `network udp from ${ends} can't be used: ${code}`);
  }
}

function bound(socket: Socket, { host, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: host, port }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

function udpNetwork(socket: Socket, remote: { address: string; port: number }): UdpNetwork {
  const counters = newNetworkCounters();
  const queue = new FrameQueue(counters);
  let sending = 0;
  let closed = false;
  // An unreachable peer is told to the socket as an error of some later call: like a lost frame.
  socket.on("error", () => {
    counters.sentDropped++;
  });
  socket.on("message", (bytes, { address, port }) => {
    if (address === remote.address && port === remote.port) queue.arrive(Uint8Array.from(bytes));
    else {
      counters.received++;
      counters.receivedDropped++;
    }
  });
  return {
    counters,
    port: socket.address().port,
    connect: (receiver) => queue.connect(receiver),
    resume: () => queue.resume(),
    transmit(frame) {
      counters.sent++;
      if (sending >= SENDING_MAX || closed) {
        counters.sentDropped++;
        return;
      }
      sending++;
      socket.send(Uint8Array.from(frame), remote.port, remote.address, (error) => {
        sending--;
        if (error !== null) counters.sentDropped++;
      });
    },
    async close() {
      closed = true;
      await new Promise<void>((resolve) => {
        socket.close(() => resolve());
      });
    },
  };
}
