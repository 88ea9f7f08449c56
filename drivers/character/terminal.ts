/**
 * A terminal line without its hardware: input goes through the line discipline to the readers who
 * wait for it, output is sent one write after the other, with the echo in between. The driver feeds
 * it bytes, asks for no more than there is room for, and sends what it is told to.
 */

import { LineDiscipline, type LineMode } from "./line-discipline.js";

/** Bytes of input that wait for a reader; beyond that they wait in the device. */
const INPUT_MAX = 65536;
/** Bytes of echo that wait to be sent; more is not shown. */
const ECHO_MAX = 4096;

/** What the terminal needs from its driver. */
export interface TerminalWire {
  /** Sends bytes; resolves when the device has them. Never called while it is at work. */
  transmit(bytes: Uint8Array): Promise<void>;
  /** There is room for input again, after there was none. */
  room(): void;
}

/** One terminal line. */
export class Terminal {
  readonly #wire: TerminalWire;
  readonly #discipline = new LineDiscipline();
  #readable: (() => void)[] = [];
  #interrupts: (() => void)[] = [];
  /** A Ctrl-C for which nobody waited yet. */
  #interrupted = false;
  /** The driver was told that there is no room. */
  #full = false;
  /** Everything that is to be sent, one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #echoing = 0;

  constructor(wire: TerminalWire) {
    this.#wire = wire;
  }

  /** Whether there is room for so many more bytes; after `false`, the wire's `room` follows. */
  accepts(count: number): boolean {
    const accepts = this.#discipline.held + count <= INPUT_MAX;
    this.#full ||= !accepts;
    return accepts;
  }

  /** Takes bytes that have come. */
  feed(bytes: Iterable<number>): void {
    let echo = "";
    for (const byte of bytes) {
      const fed = this.#discipline.feed(byte);
      echo += fed.echo;
      if (fed.interrupt) this.#interrupt();
    }
    if (echo !== "") this.#echo(echo);
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    if (this.#discipline.ready) for (const wake of this.#readable.splice(0)) wake();
  }

  /** The latest to wait is interrupted: an inner shell before the one that waits for it. */
  #interrupt(): void {
    const wake = this.#interrupts.pop();
    if (wake === undefined) this.#interrupted = true;
    else wake();
  }

  #echo(text: string): void {
    if (this.#echoing >= ECHO_MAX) return;
    this.#echoing += text.length;
    const echoed = (): void => {
      this.#echoing -= text.length;
    };
    void this.send(Buffer.from(text, "latin1")).then(echoed, echoed);
  }

  get mode(): LineMode {
    return this.#discipline.mode;
  }

  /** Treats input another way from now on, also what was not read yet. */
  setMode(mode: LineMode): void {
    if (this.#discipline.setMode(mode)) this.#interrupt();
    if (mode === "raw" && this.#interrupted) {
      this.#interrupted = false;
      this.#discipline.unreadInterrupt();
    }
    this.#wakeReaders();
  }

  /** True when a read need not wait. */
  get ready(): boolean {
    return this.#discipline.ready;
  }

  /** Takes up to `bytes.length` bytes of input; 0 is an end of file. */
  take(bytes: Uint8Array): number {
    const count = this.#discipline.take(bytes);
    if (this.#full && this.#discipline.held < INPUT_MAX / 2) {
      this.#full = false;
      this.#wire.room();
    }
    return count;
  }

  /** Calls `then` when input has come. Returns how to take that back. */
  whenReadable(then: () => void): () => void {
    this.#readable.push(then);
    return () => {
      this.#readable = this.#readable.filter((other) => other !== then);
    };
  }

  /** Calls `then` at the next Ctrl-C typed in cooked mode. Returns how to take that back. */
  whenInterrupted(then: () => void): () => void {
    this.#interrupts.push(then);
    if (this.#interrupted) {
      this.#interrupted = false;
      this.#interrupt();
    }
    return () => {
      this.#interrupts = this.#interrupts.filter((other) => other !== then);
    };
  }

  /**
   * Sends bytes, after those of earlier calls; resolves when the device has them. A device that
   * fails costs those bytes, not the ones that follow. @throws EIO
   */
  send(bytes: Uint8Array): Promise<void> {
    const sent = this.#sending.then(() => this.#wire.transmit(bytes));
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Resolves when everything has been sent, or has failed. */
  sent(): Promise<void> {
    return this.#sending;
  }
}
