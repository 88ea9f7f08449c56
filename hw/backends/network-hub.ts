/*
 * A virtual switch in this process: machines, or other users of frames, plug into its ports. Boards
 * run in threads of their own, so a port is a message port; frames under way in each direction are
 * bounded by acknowledgements. The switch learns which address is behind which port.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { FrameQueue, isFrameLength, type NetworkBackend, newNetworkCounters } from "../network.js";
import { ETHERNET, MAC_SIZE } from "../regs/virtio-net.js";

/** Frames under way through one port in one direction before more are dropped. */
const UNDER_WAY_MAX = 256;
/** Addresses that a switch remembers; frames to others go to every port. */
const ADDRESSES_MAX = 1024;

/** What both ends of a port's cable say: a frame, or how many frames were taken. */
type OnTheCable = { frame: Uint8Array } | { taken: number };

/** One end of a cable: frames out, bounded by acknowledgements, and frames in. */
class Cable {
  readonly #port: MessagePort;
  #underWay = 0;
  #taken = 0;

  constructor(port: MessagePort, arrive: (frame: Uint8Array) => void) {
    this.#port = port;
    port.on("message", (message: OnTheCable) => {
      if ("taken" in message) {
        this.#underWay -= message.taken;
        return;
      }
      this.#acknowledge();
      arrive(message.frame);
    });
  }

  /** One acknowledgement for all frames of a turn. */
  #acknowledge(): void {
    if (this.#taken++ > 0) return;
    setImmediate(() => {
      this.#port.postMessage({ taken: this.#taken } satisfies OnTheCable);
      this.#taken = 0;
    });
  }

  /** Sends a frame; `false`: too many are under way. */
  send(frame: Uint8Array): boolean {
    if (this.#underWay >= UNDER_WAY_MAX) return false;
    this.#underWay++;
    this.#port.postMessage({ frame: Uint8Array.from(frame) } satisfies OnTheCable);
    return true;
  }

  onClose(then: () => void): void {
    this.#port.on("close", then);
  }

  /** Does not keep the thread alive from now on. */
  unref(): void {
    this.#port.unref();
  }

  close(): void {
    this.#port.close();
  }
}

/** A switch. */
export class NetworkHub {
  readonly #ports = new Set<Cable>();
  readonly #addresses = new Map<string, Cable>();
  #plugged = 0;
  /** Frames that a port had no room for. */
  dropped = 0;

  /**
   * Makes a port: its cable's far end, for `hubNetwork` here or in another thread, and an address
   * that no other port of this hub was given.
   */
  plug(): { port: MessagePort; mac: Uint8Array<ArrayBuffer> } {
    const { port1, port2 } = new MessageChannel();
    const cable: Cable = new Cable(port1, (frame) => this.#forward(frame, cable));
    cable.unref();
    this.#ports.add(cable);
    cable.onClose(() => {
      this.#ports.delete(cable);
      for (const [mac, behind] of this.#addresses) {
        if (behind === cable) this.#addresses.delete(mac);
      }
    });
    const number = this.#plugged++ & 0xffff;
    const mac = Uint8Array.of(0x52, 0x54, 0x00, 0x13, number >> 8, number & 0xff);
    return { port: port2, mac };
  }

  /** Pulls all cables. */
  close(): void {
    for (const cable of this.#ports) cable.close();
  }

  #forward(frame: Uint8Array, from: Cable): void {
    if (!isFrameLength(frame.length)) return;
    const source = macAt(frame, ETHERNET.source);
    if (this.#addresses.size < ADDRESSES_MAX || this.#addresses.has(source)) {
      this.#addresses.set(source, from);
    }
    const to = this.#addresses.get(macAt(frame, ETHERNET.destination));
    for (const cable of to === undefined ? this.#ports : [to]) {
      if (cable !== from && !cable.send(frame)) this.dropped++;
    }
  }
}

/** The network at the far end of a hub's cable. */
export function hubNetwork(port: MessagePort): NetworkBackend {
  const counters = newNetworkCounters();
  const queue = new FrameQueue(counters);
  const cable = new Cable(port, (frame) => queue.arrive(frame));
  cable.onClose(() => queue.setLink(false));
  return {
    counters,
    connect: (receiver) => queue.connect(receiver),
    resume: () => queue.resume(),
    transmit(frame) {
      counters.sent++;
      if (!cable.send(frame)) counters.sentDropped++;
    },
    async close() {
      cable.close();
    },
  };
}

function macAt(frame: Uint8Array, offset: number): string {
  return Buffer.from(frame.subarray(offset, offset + MAC_SIZE)).toString("hex");
}
