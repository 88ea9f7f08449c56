/**
 * `log:`: what daemons and programs have to say. Writing adds lines under the writer's name,
 * reading gives the last ones. pino formats them; it is loaded after the first line, so that no
 * boot waits.
 */

import { EISDIR, ENOENT } from "../../ipc/errno.js";
import { LOG_LINES_KEPT } from "../../ipc/limits.js";
import type { Scheme } from "../../ipc/scheme.js";
import { opened } from "../../ipc/scheme.js";

/** Longest line; the rest is cut. */
const LINE_MAX = 4096;

/** The one log of the machine. */
export class SystemLog {
  readonly #now: () => number;
  #lines: string[] = [];
  #waiting: { atMs: number; from: string; line: string }[] = [];
  #write: ((from: string, line: string, atMs: number) => void) | undefined;
  #loading: Promise<void> | undefined;
  /** Lines that were dropped because writers were faster than the log. */
  dropped = 0;

  readonly #turn: () => Promise<void>;

  /** @param parts - milliseconds since boot, and a turn of the event loop */
  constructor(parts: { now: () => number; turn: () => Promise<void> }) {
    this.#now = parts.now;
    this.#turn = parts.turn;
  }

  /** Adds one line. */
  write(from: string, line: string): void {
    const entry = { atMs: this.#now(), from, line: line.slice(0, LINE_MAX) };
    if (this.#write !== undefined) {
      this.#write(entry.from, entry.line, entry.atMs);
      return;
    }
    if (this.#waiting.length >= LOG_LINES_KEPT) this.dropped++;
    else this.#waiting.push(entry);
    this.#loading ??= this.#load();
  }

  async #load(): Promise<void> {
    const { default: pino } = await import("pino");
    const sink = {
      write: (json: string): void => {
        this.#lines.push(json);
        if (this.#lines.length > LOG_LINES_KEPT) this.#lines.splice(0, LOG_LINES_KEPT / 4);
      },
    };
    const logger = pino({ base: null, timestamp: false }, sink);
    this.#write = (from, line, atMs) => {
      logger.info({ ms: Math.round(atMs), from }, line);
    };
    for (const { from, line, atMs } of this.#waiting) this.#write(from, line, atMs);
    this.#waiting = [];
  }

  /** The last lines, one JSON object each. */
  text(): string {
    return this.#lines.join("");
  }

  /** The scheme. @param nameOf - name of a process @param generation - boots of the machine */
  scheme(nameOf: (pid: number) => string, generation: number): Scheme<{ text: Buffer }> {
    return {
      open: async (path) => {
        if (path !== "/") throw ENOENT;
        // Lines that were written before this open may still stand in their writers' rings, or wait
        // for the formatter to load.
        await this.#turn();
        await this.#loading;
        const identity = { object: "log", generation };
        return opened({ text: Buffer.from(this.text()) }, { positioned: true, identity });
      },
      read({ text }, bytes, offset) {
        return offset >= text.length ? 0 : text.copy(bytes, 0, offset);
      },
      write: (_handle, bytes, _offset, context) => {
        for (const line of Buffer.from(bytes).toString().split("\n")) {
          if (line !== "") this.write(nameOf(context.caller), line);
        }
        return bytes.length;
      },
      fstat: ({ text }) => ({ kind: "file", size: text.length, mode: 0o644 }),
      getdents() {
        throw EISDIR;
      },
    };
  }
}
