/*
 * The terminal behind the first UART: bytes go to the host thread in batches and come from it. What
 * the host has not taken yet is bounded; beyond that the UART's transmit FIFO shows itself full.
 */
import type { MessagePort } from "node:worker_threads";

/** Bytes on their way to the host before the UART is told to wait. */
const OUTSTANDING_MAX = 65536;

/** Host to board: input, or how many bytes of output were taken. */
export type ToTerminal = { input: Uint8Array } | { taken: number };
/** Board to host: output. */
export type FromTerminal = { output: Uint8Array };

/** One terminal. */
export class Terminal {
  readonly #port: MessagePort | undefined;
  #batch: number[] = [];
  #outstanding = 0;
  #refused = false;
  #input: Uint8Array[] = [];
  /** Called when input has come; the board offers it to the UART. */
  onInput: (bytes: Uint8Array) => number = (bytes) => bytes.length;
  /** Called when output can be taken again. */
  onRoom: () => void = () => {};

  constructor(port: MessagePort | undefined) {
    this.#port = port;
    port?.on("message", (message: ToTerminal) => {
      if ("taken" in message) this.#taken(message.taken);
      else {
        this.#input.push(message.input);
        this.offer();
      }
    });
  }

  /** Takes a byte from the UART; false: not now. Without a terminal bytes vanish. */
  transmit(byte: number): boolean {
    if (this.#port === undefined) return true;
    if (this.#outstanding + this.#batch.length >= OUTSTANDING_MAX) {
      this.#refused = true;
      return false;
    }
    if (this.#batch.length === 0) setImmediate(() => this.flush());
    this.#batch.push(byte);
    return true;
  }

  /** Takes bytes as far as there is room, and says how many. Without a terminal bytes vanish. */
  transmitAll(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this.transmit(bytes[taken] as number)) taken++;
    return taken;
  }

  /** Sends what has been collected. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const output = Uint8Array.from(this.#batch);
    this.#batch = [];
    this.#outstanding += output.length;
    this.#port?.postMessage({ output } satisfies FromTerminal);
  }

  #taken(count: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - count);
    if (!this.#refused || this.#outstanding > OUTSTANDING_MAX / 2) return;
    this.#refused = false;
    this.onRoom();
  }

  /** Offers waiting input to the UART, as much as it takes. */
  offer(): void {
    for (let first = this.#input[0]; first !== undefined; first = this.#input[0]) {
      const count = this.onInput(first);
      if (count < first.length) {
        this.#input[0] = first.subarray(count);
        return;
      }
      this.#input.shift();
    }
  }

  /** Resolves when the host has taken all output. */
  async drained(): Promise<void> {
    this.flush();
    while (this.#port !== undefined && this.#outstanding > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      this.flush();
    }
  }

  close(): void {
    this.#port?.close();
  }
}
