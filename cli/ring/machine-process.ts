/** One operating-system process of a machine, from the host's side: frames, output, and its end. */

import type { ChildProcess } from "node:child_process";
import type { Duplex, Readable, Writable } from "node:stream";
import { encodeFrame, type Frame, type FrameKind, type FrameParts, FrameReader } from "./frame.js";
import { DumpFilter, type Ending } from "./last-words.js";
import { readBeat } from "./messages.js";
import { LINK_FD, spawnMachine } from "./spawn.js";
import { Watch } from "./watch.js";

/** After the exit, what the process had sent is read for this long, in milliseconds. */
const REST_MS_MAX = 200;

/** What a process tells. */
export interface ProcessListener {
  frame(frame: Frame): void;
  /** It has ended, and all that it sent was told. */
  ended(ending: Ending): void;
}

/** One process. It does nothing until a `boot` frame is sent. */
export class MachineProcess {
  readonly #child: ChildProcess;
  readonly #link: Duplex;
  readonly #reader = new FrameReader();
  readonly #errors = new DumpFilter();
  #listener: ProcessListener | undefined;
  #watch: Watch | undefined;
  #words: string | undefined;
  #ending: Ending | undefined;

  constructor(child: ChildProcess = spawnMachine()) {
    this.#child = child;
    this.#link = child.stdio[LINK_FD] as Duplex;
    // Its end is told by the exit; whoever writes to the dead is not to fail.
    for (const stream of child.stdio) stream?.on("error", () => undefined);
    this.#link.on("data", (bytes: Buffer) => {
      this.#read(bytes);
    });
    passOn(child.stdout as Readable, process.stdout, (text) => text);
    passOn(child.stderr as Readable, process.stderr, (text) => this.#errors.push(text));
    child.once("error", (error) => {
      this.#words ??= `cannot be started: ${error.message}`;
      this.#end(null, null);
    });
    child.once("exit", (code, signal) => {
      void this.#rest().then(() => {
        this.#end(code, signal);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** False once it has ended. */
  get alive(): boolean {
    return this.#ending === undefined;
  }

  /** Tells `listener` what comes; what has ended before is told at once. */
  listen(listener: ProcessListener): void {
    this.#listener = listener;
    if (this.#ending !== undefined) listener.ended(this.#ending);
  }

  /** From now on a machine that stands still is ended. */
  watch(): void {
    this.#watch = new Watch({
      pid: this.pid,
      stalled: (what) => {
        this.kill(what);
      },
    });
  }

  send(kind: FrameKind, parts?: FrameParts): void {
    if (this.#link.writable) this.#link.write(encodeFrame(kind, parts));
  }

  /** Ends the process at once. @param words - why, if it has not said itself */
  kill(words?: string): void {
    this.#words ??= words;
    if (this.alive) this.#child.kill("SIGKILL");
  }

  /** Ends the process and resolves when it has ended. */
  finish(): Promise<void> {
    if (!this.alive) return Promise.resolve();
    return new Promise((resolve) => {
      this.#finished = resolve;
      this.kill();
    });
  }

  #finished: () => void = () => undefined;

  #read(bytes: Buffer): void {
    for (const frame of this.#reader.push(bytes)) this.#take(frame);
    const { broken } = this.#reader;
    if (broken !== undefined) this.kill(`broke the protocol: ${broken}`);
  }

  #take(frame: Frame): void {
    if (frame.kind === "words") this.#words ??= frame.payload.toString();
    else if (frame.kind === "beat") {
      const beat = readBeat(frame.body);
      if (beat !== undefined) this.#watch?.beat(beat);
    } else this.#listener?.frame(frame);
  }

  /** What the dead process had sent is still in the pipes; its end is theirs, or nearly. */
  async #rest(): Promise<void> {
    this.#watch?.stop();
    const streams = [this.#link, this.#child.stderr, this.#child.stdout] as Readable[];
    const closed = streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          if (stream.readableEnded || stream.destroyed) resolve();
          else stream.once("close", resolve).once("end", resolve);
        }),
    );
    let timer: NodeJS.Timeout | undefined;
    // A process that the machine had started may keep them open.
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, REST_MS_MAX);
    });
    await Promise.race([Promise.all(closed), late]);
    clearTimeout(timer);
    for (const stream of streams) stream.destroy();
  }

  #end(code: number | null, signal: string | null): void {
    if (this.#ending !== undefined) return;
    process.stderr.write(this.#errors.end());
    this.#ending = { code, signal, words: this.#words, dump: this.#errors.dump };
    this.#listener?.ended(this.#ending);
    this.#finished();
  }
}

/** Copies text that a process writes, no faster than it is taken. */
function passOn(from: Readable, to: Writable, filter: (text: string) => string): void {
  from.setEncoding("utf8").on("data", (text: string) => {
    if (to.write(filter(text))) return;
    from.pause();
    to.once("drain", () => from.resume());
  });
}
