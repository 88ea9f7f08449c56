/*
 * An I/O thread of the board: does the blocking file operations of the disk images, so that they
 * neither stop the board thread nor wait in Node's pool behind someone else. Worker entry.
 */
import { fdatasyncSync, readSync, writeSync } from "node:fs";
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { type BufferMail, HEADER, Mailbox, OPERATION, SLOT, STATE } from "./io-mailbox.js";

const EIO = 5;
const ZERO_BYTES = 1 << 16;

/** What the board gives an I/O thread. */
interface Setup {
  mailbox: SharedArrayBuffer;
  port: MessagePort;
}

type Move = (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => number;

/** Serves the mailbox until the board ends it. */
class IoThread {
  readonly #mailbox: Mailbox;
  readonly #cells: Int32Array;
  readonly #port: MessagePort;
  readonly #buffers = new Map<number, Uint8Array>();
  readonly #zeroes = new Uint8Array(ZERO_BYTES);
  #mailSeen = 0;

  constructor({ mailbox, port }: Setup) {
    this.#mailbox = new Mailbox(mailbox);
    this.#cells = this.#mailbox.cells;
    this.#port = port;
  }

  run(): void {
    for (;;) {
      const bell = Atomics.load(this.#cells, HEADER.bell.word);
      const slot = this.#claim();
      if (slot !== undefined) this.#finish(slot, this.#perform(slot));
      else if (Atomics.load(this.#cells, HEADER.stopping.word) === 1) break;
      else Atomics.wait(this.#cells, HEADER.bell.word, bell); // Partner: `ring` in io-threads.ts.
    }
    this.#port.close();
  }

  /** Takes the oldest published request; `undefined` if there is none. */
  #claim(): number | undefined {
    for (;;) {
      const claimed = Atomics.load(this.#cells, HEADER.claimed.word);
      if (claimed === Atomics.load(this.#cells, HEADER.submitted.word)) return undefined;
      // An entry is overwritten only after somebody has claimed it: then the exchange fails.
      const slot = Atomics.load(this.#cells, this.#mailbox.ringCell(claimed));
      const cell = HEADER.claimed.word;
      if (Atomics.compareExchange(this.#cells, cell, claimed, (claimed + 1) | 0) === claimed) {
        return slot;
      }
    }
  }

  #finish(slot: number, result: number): void {
    this.#cells[this.#mailbox.cell(slot, SLOT.result)] = result;
    // Partner: `reap` in io-threads.ts, which reads the result after the state.
    Atomics.store(this.#cells, this.#mailbox.cell(slot, SLOT.state), STATE.FINISHED);
    Atomics.add(this.#cells, HEADER.finished.word, 1);
    Atomics.notify(this.#cells, HEADER.finished.word);
  }

  /** Does a request; 0 or a positive errno. */
  #perform(slot: number): number {
    try {
      const fd = this.#cells[this.#mailbox.cell(slot, SLOT.fd)] as number;
      const position = this.#mailbox.getDouble(slot, SLOT.position);
      const length = this.#mailbox.getDouble(slot, SLOT.length);
      switch (this.#cells[this.#mailbox.cell(slot, SLOT.operation)]) {
        case OPERATION.READ:
          return transfer(readSync, { fd, bytes: this.#bytesOf(slot, length), position });
        case OPERATION.WRITE:
          return transfer(writeSync, { fd, bytes: this.#bytesOf(slot, length), position });
        case OPERATION.ZERO:
          return this.#zero(fd, position, length);
        default:
          fdatasyncSync(fd);
          return 0;
      }
    } catch (error) {
      return Math.abs((error as NodeJS.ErrnoException).errno ?? EIO);
    }
  }

  #zero(fd: number, position: number, length: number): number {
    for (let done = 0; done < length; done += ZERO_BYTES) {
      const bytes = this.#zeroes.subarray(0, Math.min(ZERO_BYTES, length - done));
      const errno = transfer(writeSync, { fd, bytes, position: position + done });
      if (errno !== 0) return errno;
    }
    return 0;
  }

  #bytesOf(slot: number, length: number): Uint8Array {
    this.#readMail();
    const buffer = this.#buffers.get(this.#cells[this.#mailbox.cell(slot, SLOT.buffer)] as number);
    const start = this.#mailbox.getDouble(slot, SLOT.byteOffset);
    if (buffer === undefined) throw new RangeError("I/O request names an unknown buffer");
    return buffer.subarray(start, start + length);
  }

  /** Learns the buffers that were posted since the last time. */
  #readMail(): void {
    const mail = Atomics.load(this.#cells, HEADER.mail.word); // Partner: `post` in io-threads.ts.
    if (mail === this.#mailSeen) return;
    this.#mailSeen = mail;
    for (;;) {
      const next = receiveMessageOnPort(this.#port);
      if (next === undefined) return;
      const { id, buffer } = next.message as BufferMail;
      if (buffer === undefined) this.#buffers.delete(id);
      else this.#buffers.set(id, new Uint8Array(buffer));
    }
  }
}

/** Moves all bytes, however many calls that takes. An image that ends too soon is an error. */
function transfer(move: Move, what: { fd: number; bytes: Uint8Array; position: number }): number {
  const { fd, bytes, position } = what;
  let done = 0;
  while (done < bytes.length) {
    const count = move(fd, bytes, done, bytes.length - done, position + done);
    if (count === 0) return EIO;
    done += count;
  }
  return 0;
}

new IoThread(workerData as Setup).run();
