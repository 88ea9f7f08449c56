/**
 * Makes this worker a place for confined code: locks it down, runs Anode's own runtime in the
 * compartment, and joins the two by the bridge. All of that happens while the worker is a spare;
 * what is left for a start is to run the daemon's own modules.
 */

import type { DmaRegion, Gate } from "../../../ipc/abi.js";
import {
  ATTACH_NAME,
  BRIDGE_NAME,
  type Bridge,
  type Guest,
  type LinkedModule,
} from "../../../ipc/confined.js";
import { EAGAIN, EBADF, EINVAL, Errno } from "../../../ipc/errno.js";
import type { StartMail } from "../../../ipc/mail.js";
import { Request } from "../request.js";
import { ConfinedCalls } from "./calls.js";
import { Crossing } from "./crossing.js";
import { lockDown, Realm } from "./realm.js";
import { Serving } from "./serving.js";
import { copyIn, isIndex, isText } from "./values.js";

const TIMERS_MAX = 4096;
const TIMER_MS_MAX = 2 ** 31 - 1;
const TEXT_MAX = 64 * 1024 * 1024;
const LOG_MAX = 8192;
const LINE_MAX = 65536;

/** What confinement works with. */
export interface ConfineParts {
  gate: Gate;
  runtime: readonly LinkedModule[];
  /** Writes the last words and ends the thread. */
  die(words: string): void;
}

/** A place for confined code, warm. */
export interface Confined {
  /** Runs the code of a process that has just begun. */
  run(mail: StartMail): Promise<void>;
  /** Words for what confined code threw and nobody caught. */
  words(thrown: unknown): string;
}

/** Prepares this thread. Nothing foreign has run here before. */
export async function confine(parts: ConfineParts): Promise<Confined> {
  await lockDown();
  const crossing = new Crossing(parts.die);
  const realm = new Realm();
  const late: { guest: Guest | undefined } = { guest: undefined };
  const calls = new ConfinedCalls(parts.gate, (call) => {
    crossing.outward(() => {
      late.guest?.done(call);
    });
  });
  let bridge: Bridge | undefined;
  realm.lend(ATTACH_NAME, (guest: Guest) => {
    late.guest ??= guest;
  });
  realm.lend(BRIDGE_NAME, () => bridge);
  await realm.load(parts.runtime);
  realm.forget(ATTACH_NAME);
  realm.forget(BRIDGE_NAME);
  realm.freeze();
  const { guest } = late;
  if (guest === undefined) throw EINVAL;
  crossing.describe = (thrown) => guest.describe(thrown);
  const serving = new Serving(crossing, guest);
  return {
    words: (thrown) => crossing.words(thrown),
    async run(mail) {
      bridge = makeBridge({ ...parts, crossing, calls, serving, guest });
      crossing.outward(() => {
        guest.begin();
      });
      try {
        const main = await realm.load(mail.code ?? []);
        if (mail.role === "program") {
          crossing.outward(() => {
            guest.program(main);
          });
        }
      } catch (thrown) {
        parts.die(crossing.words(thrown));
      }
    },
  };
}

interface BridgeParts extends ConfineParts {
  crossing: Crossing;
  calls: ConfinedCalls;
  serving: Serving;
  guest: Guest;
}

/** The bridge of this process. Each function stands on its own; none leads to another object. */
function makeBridge(parts: BridgeParts): Bridge {
  const { gate, calls, serving, crossing } = parts;
  const all: Bridge = {
    self: JSON.stringify({ ...gate.self, program: "" }),
    stdio: Object.freeze(gate.stdio.map((descriptor) => calls.add(descriptor))),
    schemes: () => Object.freeze(gate.schemes()),
    open: (url, flags, view, deadlineMs) => calls.open(url, flags, view, deadlineMs),
    path: (opcode, url, second, view, arg1) => calls.path(opcode, url, second, view, arg1),
    syscall: (name, body) => calls.syscall(name, body),
    call: (...fields) => calls.call(...fields),
    watch: (queue, target, id, mask) => calls.watch(queue, target, id, mask),
    notify: (call) => calls.notify(call),
    isDone: (call) => calls.isDone(call),
    wait: (ids) => calls.wait(ids),
    take: (call, bytes) => calls.take(call, bytes),
    cancel: (call) => calls.cancel(call),
    close: (descriptor) => calls.close(descriptor),
    position: (descriptor) => calls.position(descriptor),
    setPosition: (descriptor, position) => calls.setPosition(descriptor, position),
    object: (id) => calls.object(id),
    reference: (descriptor) => calls.reference(descriptor),
    sleep: (milliseconds) => {
      if (typeof milliseconds === "number" && milliseconds >= 0) gate.sleep(milliseconds);
    },
    now: () => gate.now(),
    log: (line) => {
      // One that is much too long is not even looked at: putting it together takes its time.
      if (isText(line, LINE_MAX)) gate.log(line.slice(0, LOG_MAX));
      else gate.log("a line that is too long for the log");
    },
    serve: (operations, sleeper) => serve(parts, operations, sleeper),
    answer: (request, result, body, positioned) => {
      serving.answer(request, result, body, positioned);
    },
    defer: (request) => serving.defer(request),
    canceled: (request) => serving.canceled(request),
    post: (request, events) => serving.post(request, events),
    encodeText: (text) => (isText(text, TEXT_MAX) ? encode(text) : new Uint8Array(0)),
    decodeText: (bytes, fatal) => decode(bytes, fatal),
    die: (words) => parts.die(isText(words, LINE_MAX) ? words.slice(0, 4096) : "died"),
    ...hardwareOf(parts),
    ...timersOf(parts),
  };
  for (const [name, value] of Object.entries(all) as [string, unknown][]) {
    if (typeof value !== "function") continue;
    const work = value as (...args: unknown[]) => unknown;
    Object.assign(all, { [name]: crossing.inward(work) });
  }
  return harden(all);
}

function serve(parts: BridgeParts, operations: unknown, sleeper: unknown): number {
  if (!isText(operations, 1024)) return -EINVAL.errno;
  const { gate, calls, serving } = parts;
  const served = gate.serve(
    serving.scheme(new Set(operations.split(","))) as never,
    sleeper === true,
  );
  return calls.begin(promised(served.then(() => 0)));
}

/** A call that the gate itself answers, when a promise of its own says so. */
function promised(result: Promise<number>): Request {
  const call = new Request(0);
  call.started = true;
  void result.then(
    (value) => {
      call.finish(value);
    },
    (thrown: unknown) => {
      call.finish(-(thrown instanceof Errno ? thrown : EINVAL).errno);
    },
  );
  return call;
}

/** Registers, interrupts and device memory: what the kernel has opened for a driver. */
function hardwareOf({ gate, calls }: BridgeParts) {
  const windowOf = (id: unknown) => {
    const descriptor = calls.descriptor(id);
    return descriptor === undefined ? EBADF : gate.window(descriptor);
  };
  const isAccess = (size: unknown): size is 1 | 2 | 4 => size === 1 || size === 2 || size === 4;
  return {
    window: (id: number): number => {
      const window = windowOf(id);
      return window instanceof Errno ? -window.errno : window.size;
    },
    readRegister: (id: number, offset: number, size: number): number => {
      const window = windowOf(id);
      if (window instanceof Errno || !isIndex(offset) || !isAccess(size)) return -EINVAL.errno;
      return window.read(offset, size);
    },
    writeRegister: (id: number, offset: number, size: number, value: number): void => {
      const window = windowOf(id);
      if (window instanceof Errno || !isIndex(offset) || !isAccess(size)) return;
      if (typeof value === "number") window.write(offset, size, value);
    },
    dma: (id: number): DmaRegion | undefined => {
      const descriptor = calls.descriptor(id);
      const region = descriptor === undefined ? EBADF : gate.dma(descriptor);
      if (region instanceof Errno) return undefined;
      return Object.freeze({ address: region.address, memory: region.memory });
    },
    irq: (id: number, seen: number): number => {
      const descriptor = calls.descriptor(id);
      if (descriptor === undefined || typeof seen !== "number") return -EBADF.errno;
      return calls.begin(promised(gate.irq(descriptor, seen)));
    },
    acknowledge: (id: number): void => {
      const descriptor = calls.descriptor(id);
      if (descriptor !== undefined) gate.irqAck(descriptor);
    },
  };
}

/** Timers by number. Node's own objects for them stay here. */
function timersOf({ crossing, guest }: BridgeParts) {
  const timers = new Map<number, NodeJS.Timeout>();
  let next = 1;
  return {
    setTimer: (milliseconds: number, repeats: boolean): number => {
      if (timers.size >= TIMERS_MAX) return -EAGAIN.errno;
      const delay = typeof milliseconds === "number" && milliseconds > 0 ? milliseconds : 0;
      const id = next++;
      const fire = (): void => {
        if (repeats !== true) timers.delete(id);
        crossing.outward(() => {
          guest.fire(id);
        });
      };
      const afterMs = Math.min(delay, TIMER_MS_MAX);
      timers.set(id, repeats === true ? setInterval(fire, afterMs) : setTimeout(fire, afterMs));
      return id;
    },
    clearTimer: (id: number): void => {
      clearTimeout(timers.get(id));
      timers.delete(id);
    },
  };
}

const ENCODER = new TextEncoder();
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });
const FATAL = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

function encode(text: string): Uint8Array {
  const bytes = ENCODER.encode(text);
  // Memory of its own, without what else lies in the encoder's.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function decode(bytes: unknown, fatal: unknown): string | undefined {
  const own = copyIn(bytes, TEXT_MAX);
  if (own === undefined) return "";
  if (fatal !== true) return LENIENT.decode(own);
  try {
    return FATAL.decode(own);
  } catch {
    return undefined;
  }
}
