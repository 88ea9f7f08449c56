/*
 * A network over a Unix socket, as QEMU's `-netdev stream`: whoever is at the other end gets and
 * gives frames. One peer at a time. The link is up while there is one; who connects tries again
 * until there is, so machines may start in any order.
 */
import { unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { FrameQueue, type NetworkBackend, newNetworkCounters } from "../network.js";
import { encodeFrame, FrameDecoder } from "./frame-stream.js";
import { NetworkError } from "./network-error.js";

/** Bytes that may wait for the peer before frames are dropped. */
const WAITING_BYTES_MAX = 1 << 20;
/** Pause before another try to connect: doubled each time, up to the second. */
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 2000;

/** Opens the network. Rejects with a NetworkError when the path can't be listened on. */
export async function openSocketNetwork(plan: {
  path: string;
  listen: boolean;
}): Promise<NetworkBackend> {
  const network = new SocketNetwork(plan.path);
  if (plan.listen) await network.listen();
  else network.dial();
  return network;
}

class SocketNetwork implements NetworkBackend {
  readonly counters = newNetworkCounters();
  readonly #path: string;
  readonly #queue = new FrameQueue(this.counters);
  #server: Server | undefined;
  #peer: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS_MIN;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
    this.#queue.setLink(false);
  }

  connect: NetworkBackend["connect"] = (receiver) => this.#queue.connect(receiver);

  transmit(frame: Uint8Array): void {
    this.counters.sent++;
    if (this.#peer === undefined || this.#peer.writableLength > WAITING_BYTES_MAX) {
      this.counters.sentDropped++;
    } else this.#peer.write(encodeFrame(frame));
  }

  resume(): void {
    this.#queue.resume();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const server = this.#server;
    const closed = new Promise((resolve) => {
      if (server === undefined) resolve(undefined);
      else server.close(resolve);
    });
    // What was sent goes out; a peer that does not read it must not hold the machine up.
    this.#peer?.destroySoon();
    this.#peer?.resume();
    await closed;
  }

  /** Tries to connect, now and until it succeeds. */
  dial(): void {
    if (this.#closed) return;
    const socket = connect(this.#path);
    const again = (): void => {
      if (this.#closed) return;
      this.#retry = setTimeout(() => this.dial(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    };
    socket.once("connect", () => {
      this.#retryMs = RETRY_MS_MIN;
      this.#join(socket);
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", again);
  }

  /** Listens; a socket that a dead process left behind is replaced. */
  async listen(): Promise<void> {
    try {
      await this.#listenOnce();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE" || (await isServed(this.#path))) throw this.#listenError(code);
      unlinkSync(this.#path);
      await this.#listenOnce();
    }
  }

  #listenError(code: string | undefined): NetworkError {
    const hint =
      code === "EADDRINUSE" ? "somebody listens there already: leave out ,listen" : `${code}`;
    return new NetworkError(code ?? "EIO", `network socket:${this.#path} can't be made: ${hint}`);
  }

  #listenOnce(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        socket.on("error", () => socket.destroy());
        if (this.#peer === undefined) this.#join(socket);
        else socket.destroy();
      });
      server.once("error", reject);
      server.listen(this.#path, () => {
        this.#server = server;
        resolve();
      });
    });
  }

  #join(socket: Socket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const decoder = new FrameDecoder();
    this.#peer = socket;
    this.#queue.setLink(true);
    socket.on("data", (bytes: Uint8Array) => {
      if (decoder.feed(bytes, (frame) => this.#queue.arrive(frame))) return;
      this.counters.receivedDropped++;
      socket.destroy();
    });
    socket.once("close", () => {
      this.#peer = undefined;
      this.#queue.setLink(false);
    });
  }
}

/** Whether a process answers at a socket. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (served: boolean) => () => {
      socket.destroy();
      resolve(served);
    };
    socket.once("connect", answer(true));
    socket.once("error", answer(false));
  });
}
