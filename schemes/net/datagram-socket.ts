/**
 * A socket of datagrams: UDP, ICMP echo or raw IP. What comes waits in a queue that is bounded in
 * number and bytes; what finds it full is dropped, as datagrams may be.
 */

import type { Errno } from "../../ipc/errno.js";
import type { Endpoint } from "./address.js";
import { DATAGRAM_BYTES_QUEUED_MAX, DATAGRAMS_QUEUED_MAX } from "./limits.js";

/** One datagram and who sent it. */
export interface Received {
  readonly from: Endpoint;
  readonly payload: Uint8Array;
}

/** See the head of the file. */
export class DatagramSocket {
  readonly local: Endpoint;
  /** The only peer that it talks to, when there is one. */
  readonly remote: Endpoint | undefined;
  readonly #queue: Received[] = [];
  #bytes = 0;
  /** What ICMP said of the last datagram that we sent; told once. */
  error: Errno | undefined;
  dropped = 0;
  /** Called when there is something to receive, or an error. */
  changed: () => void = () => {};

  constructor(local: Endpoint, remote?: Endpoint) {
    this.local = local;
    this.remote = remote;
  }

  get readable(): boolean {
    return this.#queue.length > 0;
  }

  /** Queues a copy of what came. */
  arrive({ from, payload }: Received): void {
    const full =
      this.#queue.length >= DATAGRAMS_QUEUED_MAX ||
      this.#bytes + payload.length > DATAGRAM_BYTES_QUEUED_MAX;
    if (full) {
      this.dropped += 1;
      return;
    }
    this.#queue.push({ from, payload: payload.slice() });
    this.#bytes += payload.length;
    this.changed();
  }

  /** Takes the oldest datagram. */
  receive(): Received | undefined {
    const first = this.#queue.shift();
    this.#bytes -= first?.payload.length ?? 0;
    return first;
  }

  /** Says that a datagram did not arrive. */
  fail(error: Errno): void {
    this.error = error;
    this.changed();
  }
}
