/*
 * What a network device model needs from a network: a link that takes and gives Ethernet frames,
 * without FCS. Nothing here waits: a frame for which there is no room is dropped and counted, as on
 * a wire. Fault injection is a wrapper of the same interface (backends/faulty-network.ts).
 */
import { ETHERNET, FRAME_BYTES_MAX } from "./regs/virtio-net.js";

/** Frames that wait for the receiver before more are dropped, and their bytes. */
const WAITING_MAX = 256;
const WAITING_BYTES_MAX = 1 << 20;

/** Frames since the link was made. */
export interface NetworkCounters {
  /** From the device to the network, and those of them that were lost here. */
  sent: number;
  sentDropped: number;
  /** From the network to the device, and those of them that were lost here. */
  received: number;
  receivedDropped: number;
}

/** The device's end of a link. */
export interface FrameReceiver {
  /** Takes a frame, which it copies; `false`: not now, `NetworkBackend.resume` follows. */
  receive(frame: Uint8Array): boolean;
  /** The link has gone up or down. */
  linkChanged(up: boolean): void;
}

/** A link to a network. It starts up, unless it says `linkChanged(false)` upon `connect`. */
export interface NetworkBackend {
  readonly counters: Readonly<NetworkCounters>;
  /** Says who receives. Once. */
  connect(receiver: FrameReceiver): void;
  /** Sends a frame; copies what it keeps. */
  transmit(frame: Uint8Array): void;
  /** The receiver has room again: offers it what waits. */
  resume(): void;
  /** Ends the link. No frame comes any more. */
  close(): Promise<void>;
}

/** Counters that all stand at zero. */
export function newNetworkCounters(): NetworkCounters {
  return { sent: 0, sentDropped: 0, received: 0, receivedDropped: 0 };
}

/** Whether anything of this length can be an Ethernet frame. */
export function isFrameLength(length: number): boolean {
  return length >= ETHERNET.SIZE && length <= FRAME_BYTES_MAX;
}

/** The frames on their way to a device: a bounded queue that drops the newest. */
export class FrameQueue {
  readonly #counters: NetworkCounters;
  #receiver: FrameReceiver | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #up = true;

  constructor(counters: NetworkCounters) {
    this.#counters = counters;
  }

  connect(receiver: FrameReceiver): void {
    this.#receiver = receiver;
    if (!this.#up) receiver.linkChanged(false);
  }

  /** The link has gone up or down. What waits stays: it had arrived. */
  setLink(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    this.#receiver?.linkChanged(up);
  }

  /** A frame has arrived. `frame` is kept if it has to wait: the caller must not reuse it. */
  arrive(frame: Uint8Array): void {
    this.#counters.received++;
    if (!isFrameLength(frame.length)) this.#counters.receivedDropped++;
    else if (this.#waiting.length === 0 && this.#receiver?.receive(frame) === true) return;
    else if (
      this.#waiting.length >= WAITING_MAX ||
      this.#waitingBytes + frame.length > WAITING_BYTES_MAX
    ) {
      this.#counters.receivedDropped++;
    } else {
      this.#waiting.push(frame);
      this.#waitingBytes += frame.length;
    }
  }

  /** Offers what waits, in order. */
  resume(): void {
    let taken = 0;
    for (const frame of this.#waiting) {
      if (this.#receiver?.receive(frame) !== true) break;
      this.#waitingBytes -= frame.length;
      taken++;
    }
    this.#waiting.splice(0, taken);
  }
}
