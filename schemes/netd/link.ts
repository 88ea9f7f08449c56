/**
 * The link below the stack: frames of `network:/0`. Reads are always under way; writes are bounded
 * in number, and what finds the queue full is dropped, as on any link. When the driver is away,
 * both go on when it is back.
 */

import { ENODEV, ENOENT } from "../../ipc/errno.js";
import type { SysError } from "../../ipc/sys-error.js";
import type { AsyncSystem } from "../../user/async-system.js";
import type { File } from "../../user/file.js";
import { MAC_BYTES } from "../net/address.js";

const URL_FRAMES = "network:/0";
const URL_MAC = "network:/0/mac";
const FRAME_BYTES_MAX = 2048;
const READS_UNDER_WAY = 4;
const WRITES_UNDER_WAY = 16;
const FRAMES_QUEUED_MAX = 1024;
const RETRY_MS = 100;
const RETRY_MS_MAX = 5000;

/**
 * Reads the address of the interface: text of six bytes in hexadecimal, or the bytes. Undefined
 * when the board has none.
 */
export async function readMac(os: AsyncSystem): Promise<Uint8Array | undefined> {
  const file = await os.open(URL_MAC).catch((error: SysError) => {
    if (error.code === ENOENT.code || error.code === ENODEV.code) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  await using _closed = file;
  const bytes = await file.readAll();
  if (bytes.length === MAC_BYTES) return new Uint8Array(bytes);
  const parts = bytes.toString().trim().split(":");
  return Uint8Array.from(parts.slice(0, MAC_BYTES), (part) => Number.parseInt(part, 16));
}

/** See the head of the file. */
export class Link {
  readonly #os: AsyncSystem;
  readonly #log: (line: string) => void;
  readonly #queue: Uint8Array[] = [];
  #file: File | undefined;
  #writing = 0;
  /** Frames that found the queue full, or the driver away. */
  dropped = 0;

  constructor(os: AsyncSystem, log: (line: string) => void) {
    this.#os = os;
    this.#log = log;
  }

  /** Queues a frame. */
  transmit(frame: Uint8Array): void {
    if (this.#queue.length >= FRAMES_QUEUED_MAX) {
      this.dropped += 1;
      return;
    }
    this.#queue.push(frame);
    this.#pump();
  }

  /** Opens the link and hands on what comes, for ever. */
  async run(arrive: (frame: Uint8Array) => void): Promise<never> {
    let retryMs = RETRY_MS;
    for (;;) {
      try {
        await using file = await this.#os.open(URL_FRAMES, { mode: "read-write" });
        this.#file = file;
        this.#pump();
        retryMs = RETRY_MS;
        await Promise.all(Array.from({ length: READS_UNDER_WAY }, () => receive(file, arrive)));
      } catch (error) {
        this.#log(`link is down: ${String(error)}`);
      } finally {
        this.#file = undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    }
  }

  #pump(): void {
    const file = this.#file;
    while (file !== undefined && this.#writing < WRITES_UNDER_WAY) {
      const frame = this.#queue.shift();
      if (frame === undefined) return;
      this.#writing += 1;
      void this.#write(file, frame);
    }
  }

  async #write(file: File, frame: Uint8Array): Promise<void> {
    try {
      await file.write(frame, 0);
    } catch {
      // Lost on the way, which is what the protocols above are made for.
      this.dropped += 1;
    } finally {
      this.#writing -= 1;
      this.#pump();
    }
  }
}

async function receive(file: File, arrive: (frame: Uint8Array) => void): Promise<never> {
  const bytes = new Uint8Array(FRAME_BYTES_MAX);
  for (;;) {
    const count = await file.read(bytes, 0);
    arrive(bytes.subarray(0, count));
  }
}
