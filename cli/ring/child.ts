/**
 * The main thread of a machine's process. It waits for the host's `boot`, starts the machine's
 * threads, and connects them to the link. It ends with the host, and when the machine cannot be
 * trusted any more; its last exit is a signal, since a stuck worker holds up every other.
 */

import { Socket } from "node:net";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { FromTerminal, ToTerminal } from "../../hw/terminal.js";
import type { ToBoardOutside } from "../../hw/thread.js";
import { readTick } from "../../ipc/tick.js";
import type { FromKernel } from "../../kernel/thread.js";
import { type BootOptions, startThreads, type Threads } from "../boot.js";
import { BootError } from "../boot-error.js";
import { encodeFrame, type Frame, type FrameKind, type FrameParts, FrameReader } from "./frame.js";
import { GateServer } from "./gate-server.js";
import type { BeatBody, BootBody, FailedBody } from "./messages.js";
import { LINK_FD } from "./spawn.js";

/** Between two beats, in milliseconds. */
const BEAT_MS = 100;
/** How long flushing may take when the host is gone, in milliseconds. */
const FLUSH_MS_MAX = 2000;
/** How long last words may take to leave. */
const WORDS_MS_MAX = 200;
/** Unsent bytes beyond which traces and beats are dropped: nobody waits for one of them. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** The reaper starts this long after the boot, which needs the processors more. */
const REAPER_AFTER_MS = 200;

const link = new Socket({ fd: LINK_FD, readable: true, writable: true });
const reader = new FrameReader();
let threads: Threads | undefined;
let server: GateServer | undefined;
let terminal: MessagePort | undefined;
let ending = false;

function send(kind: FrameKind, parts?: FrameParts): void {
  link.write(encodeFrame(kind, parts));
}

/** Says why, and ends the process. */
function die(words: string): void {
  if (ending) return;
  ending = true;
  link.write(encodeFrame("words", { payload: Buffer.from(words) }), end);
  setTimeout(end, WORDS_MS_MAX);
}

function end(): void {
  process.kill(process.pid, "SIGKILL");
}

/** The host is gone: what was written is flushed, and nothing stays behind. */
function orphaned(): void {
  if (threads === undefined || ending) end();
  ending = true;
  setTimeout(end, FLUSH_MS_MAX);
  void threads?.halt().then(end);
}

function receive(frame: Frame): void {
  switch (frame.kind) {
    case "boot":
      void start(frame.body as BootBody);
      break;
    case "halt":
      void halt();
      break;
    case "trace":
      threads?.trace((event) => {
        if (link.writableLength < UNSENT_BYTES_MAX) send("event", { body: event });
      });
      break;
    case "input":
      terminal?.postMessage({ input: Uint8Array.from(frame.payload) } satisfies ToTerminal);
      break;
    case "outside":
      threads?.outside(frame.body as ToBoardOutside);
      break;
    case "taken":
      terminal?.postMessage({ taken: frame.call } satisfies ToTerminal);
      break;
    default:
      server?.receive(frame);
  }
}

async function start({ options, console: wanted, count, reason }: BootBody): Promise<void> {
  const plain = options as BootOptions;
  try {
    threads = await startThreads(
      wanted ? { ...plain, console: { port: connectTerminal() } } : plain,
      {
        boots: { count, reason },
        held: true,
      },
    );
  } catch (error) {
    const body: FailedBody =
      error instanceof BootError
        ? { reason: error.reason, message: error.message }
        : { reason: "EIO", message: String(error) };
    send("failed", { body });
    return;
  }
  server = new GateServer(threads.gate, send);
  watchThreads(threads);
  send("booted");
  setTimeout(startReaper, REAPER_AFTER_MS);
}

/** The console leads over the link to the host's terminal. */
function connectTerminal(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  terminal = port1;
  port1.on("message", ({ output }: FromTerminal) => {
    send("output", { payload: output });
  });
  return port2;
}

/** The host judges by the beats; threads that end are this one's to notice. */
function watchThreads({ kernel, board, tick }: Threads): void {
  const beat = (): void => {
    // A host that does not read has been stopped; it will not judge by what it missed.
    if (link.writableLength >= UNSENT_BYTES_MAX) return;
    const { count, thread } = readTick(tick);
    const body: BeatBody = { tick: count, thread };
    send("beat", { body });
  };
  beat();
  setInterval(beat, BEAT_MS);
  for (const [name, worker] of [
    ["kernel", kernel],
    ["board", board],
  ] as const) {
    worker.on("error", (error) => {
      die(`the ${name} thread has died: ${String(error)}`);
    });
    worker.on("exit", (code) => {
      die(`the ${name} thread has ended with code ${code}`);
    });
  }
  kernel.on("message", (message: FromKernel) => {
    if (message.kind === "stuck") die(`${message.name} cannot be ended`);
  });
}

async function halt(): Promise<void> {
  ending = true;
  await threads?.halt();
  link.write(encodeFrame("halted"), end);
}

/** Ends this process some time after the host even if this thread cannot. */
function startReaper(): void {
  const reaper = new Worker(new URL("./reaper.js", import.meta.url), { name: "anode-reaper" });
  reaper.unref();
  reaper.on("error", (error) => {
    die(`the reaper has died: ${String(error)}`);
  });
}

process.on("uncaughtException", (error) => {
  die(`uncaught ${String(error)}`);
});
process.on("unhandledRejection", (error) => {
  die(`unhandled rejection: ${String(error)}`);
});
link.on("data", (bytes) => {
  for (const frame of reader.push(bytes)) receive(frame);
  if (reader.broken !== undefined) die(`the host broke the protocol: ${reader.broken}`);
});
link.on("error", orphaned);
link.on("close", orphaned);
