/*
 * The board's side of its I/O threads: hands file operations to them and reports their ends.
 * Threads are started when there is work that no running thread is free for, up to a few.
 * Operations beyond the mailbox's slots wait here, as many as the devices keep in flight.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { DiskDone, SharedBytes } from "../disk.js";
import {
  allocateMailbox,
  type BufferMail,
  HEADER,
  Mailbox,
  type Operation,
  SLOT,
  SLOT_COUNT,
  STATE,
} from "./io-mailbox.js";

const EIO = 5;
const THREADS_MAX = 4;
/** Buffers that the threads remember. Others are posted again when they are used again. */
const BUFFERS_MAX = 256;
const THREAD_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** A file operation. `bytes` for reads and writes, `length` for zeroing. */
export interface IoRequest {
  operation: Operation;
  fd: number;
  position?: number;
  bytes?: SharedBytes;
  length?: number;
  done: DiskDone;
}

interface KnownBuffer {
  readonly id: number;
  uses: number;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
}

/** A few threads that do file operations, for all images of a board. */
export class IoThreads {
  readonly #memory = allocateMailbox();
  readonly #mailbox = new Mailbox(this.#memory);
  readonly #threadsMax: number;
  readonly #threads: Thread[] = [];
  readonly #buffers = new Map<SharedArrayBuffer, KnownBuffer>();
  readonly #freeSlots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
  readonly #inFlight = new Map<number, IoRequest>();
  readonly #waiting: IoRequest[] = [];
  #nextBufferId = 1;
  #listening = false;
  #closed = false;

  constructor(options: { threadsMax?: number } = {}) {
    this.#threadsMax = options.threadsMax ?? THREADS_MAX;
  }

  /** Starts an operation; `done` is called later, from this thread's event loop. */
  submit(request: IoRequest): void {
    if (this.#closed) {
      setImmediate(request.done, EIO);
      return;
    }
    this.#waiting.push(request);
    this.#publish();
    this.#startThreads();
    if (!this.#listening) this.#listen();
  }

  /** Reports the operations that have ended. Happens by itself; calling it may be sooner. */
  reap(): void {
    for (const [slot, request] of [...this.#inFlight]) {
      const state = Atomics.load(this.#mailbox.cells, this.#mailbox.cell(slot, SLOT.state));
      if (state === STATE.FINISHED) this.#retire(slot, request);
    }
    this.#publish();
  }

  /** Ends the threads. Operations that are under way are finished first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { cells } = this.#mailbox;
    const ends = this.#threads.map(
      ({ worker }) => new Promise((resolve) => worker.once("exit", resolve)),
    );
    Atomics.store(cells, HEADER.stopping.word, 1);
    this.#ring(this.#threads.length);
    await Promise.all(ends);
    this.#fail();
  }

  #publish(): void {
    const { cells } = this.#mailbox;
    while (this.#waiting.length > 0 && this.#freeSlots.length > 0) {
      const request = this.#waiting.shift() as IoRequest;
      const slot = this.#freeSlots.pop() as number;
      this.#fill(slot, request);
      this.#inFlight.set(slot, request);
      const submitted = Atomics.load(cells, HEADER.submitted.word);
      Atomics.store(cells, this.#mailbox.ringCell(submitted), slot);
      // Partner: `claim` in image-io.ts, which reads the ring entry and the slot after this.
      Atomics.store(cells, HEADER.submitted.word, (submitted + 1) | 0);
      this.#ring(1);
    }
  }

  #ring(count: number): void {
    Atomics.add(this.#mailbox.cells, HEADER.bell.word, 1);
    Atomics.notify(this.#mailbox.cells, HEADER.bell.word, count);
  }

  #fill(slot: number, request: IoRequest): void {
    const { cells } = this.#mailbox;
    const { bytes } = request;
    cells[this.#mailbox.cell(slot, SLOT.operation)] = request.operation;
    cells[this.#mailbox.cell(slot, SLOT.fd)] = request.fd;
    if (bytes !== undefined) {
      const known = this.#buffers.get(bytes.buffer) ?? this.#introduce(bytes.buffer);
      known.uses++;
      cells[this.#mailbox.cell(slot, SLOT.buffer)] = known.id;
      this.#mailbox.setDouble(slot, SLOT.byteOffset, bytes.byteOffset);
    }
    this.#mailbox.setDouble(slot, SLOT.length, bytes?.length ?? request.length ?? 0);
    this.#mailbox.setDouble(slot, SLOT.position, request.position ?? 0);
    Atomics.store(cells, this.#mailbox.cell(slot, SLOT.state), STATE.BUSY);
  }

  /** Posts a buffer to all threads, and has them forget one that is not in use. */
  #introduce(buffer: SharedArrayBuffer): KnownBuffer {
    const known = { id: this.#nextBufferId++, uses: 0 };
    if (this.#buffers.size >= BUFFERS_MAX) {
      for (const [old, { id, uses }] of this.#buffers) {
        if (uses > 0) continue;
        this.#buffers.delete(old);
        this.#post({ id });
        break;
      }
    }
    this.#buffers.set(buffer, known);
    this.#post({ id: known.id, buffer });
    return known;
  }

  #post(mail: BufferMail): void {
    for (const { port } of this.#threads) port.postMessage(mail);
    Atomics.add(this.#mailbox.cells, HEADER.mail.word, 1); // Partner: `readMail` in image-io.ts.
  }

  #startThreads(): void {
    const busy = this.#inFlight.size;
    while (this.#threads.length < Math.min(busy, this.#threadsMax)) this.#startThread();
  }

  /** Before the first of the mail, so that the thread learns of all buffers. */
  #startThread(): void {
    const { port1, port2 } = new MessageChannel();
    for (const [buffer, { id }] of this.#buffers) port1.postMessage({ id, buffer });
    const worker = new Worker(new URL("./image-io.js", import.meta.url), {
      name: "anode-io",
      workerData: { mailbox: this.#memory, port: port2 },
      transferList: [port2],
      resourceLimits: THREAD_LIMITS,
    });
    port1.unref();
    const thread = { worker, port: port1 };
    this.#threads.push(thread);
    Atomics.add(this.#mailbox.cells, HEADER.mail.word, 1);
    const ended = (): void => {
      port1.close();
      if (this.#closed) return;
      this.#closed = true; // A thread that dies leaves requests behind: all disks fail, loudly.
      this.#fail();
    };
    worker.on("error", ended);
    worker.on("exit", ended);
  }

  #listen(): void {
    this.#listening = true;
    const { cells } = this.#mailbox;
    const finished = Atomics.load(cells, HEADER.finished.word);
    this.reap();
    if (this.#inFlight.size === 0) {
      this.#listening = false;
      return;
    }
    // Partner: `finish` in image-io.ts. Untimed: a timeout would leak until it is over.
    const wait = Atomics.waitAsync(cells, HEADER.finished.word, finished);
    if (wait.async) void wait.value.then(() => this.#listen());
    else setImmediate(() => this.#listen()); // Others get their turn however fast the disk is.
  }

  #retire(slot: number, request: IoRequest): void {
    const { cells } = this.#mailbox;
    const result = cells[this.#mailbox.cell(slot, SLOT.result)] as number;
    cells[this.#mailbox.cell(slot, SLOT.state)] = STATE.FREE;
    this.#inFlight.delete(slot);
    this.#freeSlots.push(slot);
    const known = request.bytes && this.#buffers.get(request.bytes.buffer);
    if (known !== undefined) known.uses--;
    request.done(result);
  }

  /** Ends everything that was not finished with an error. */
  #fail(): void {
    this.reap();
    for (const request of this.#inFlight.values()) request.done(EIO);
    for (const request of this.#waiting.splice(0)) request.done(EIO);
    this.#inFlight.clear();
  }
}
