/**
 * A virtio device in the hands of its driver: brings it up, carries requests, serves interrupts,
 * and brings it up again when it stops answering. Nothing waits for a device for ever: a request
 * that takes too long costs the device a reset, after which it is tried again, a few times.
 *
 * starting → running → resetting → running; resetting → failed → running. While failed, requests
 * end with EIO at once, and the reset is waited for.
 */

import { VIRTIO_F } from "../../hw/regs/virtio-mmio.js";
import { EIO, ENODEV } from "../../ipc/errno.js";
import type { Device, InterruptLine } from "../../user/driver.js";
import { DriverQueue, type Segment } from "./queue.js";
import { VirtioTransport } from "./transport.js";

/** How often requests under way are looked at, in milliseconds. */
const TICK_MS = 100;
/** The same while interrupts get lost. */
const POLL_MS = 4;
/** The same while all requests wait for the world: only a lost interrupt could be found. */
const HEARTBEAT_MS = 500;
/**
 * A reset that takes longer, or longer than a few of the device's requests may take, counts as
 * failed. It is still waited for.
 */
const RESET_MS_MAX = 5000;
const RESET_REQUESTS = 4;
/** Waits between looks at a reset grow up to this. */
const RESET_LOOK_MS_MAX = 50;
/** How often one request, or resets without anything finished in between, are tried. */
const ATTEMPTS_MAX = 3;

/** A request on its way through a device. */
export interface Flight {
  readonly segments: readonly Segment[];
  /** Called before each attempt. */
  prepare?(): void;
  /** The device has finished it, and says that it wrote `length` bytes. May submit again. */
  done(length: number): void;
  /** The device does not answer, whatever was tried. */
  failed(): void;
}

/** One queue that the driver uses. */
export interface QueuePlan {
  index: number;
  /** Descriptors at least, at most what the device offers. */
  size: number;
  /** How long a request may take; left out: it waits for the world. */
  timeoutMs?: number;
}

/** What a driver wants of its device. */
export interface DevicePlan {
  deviceId: number;
  /** Features that the driver can use, as bit numbers. */
  features: readonly number[];
  queues: readonly QueuePlan[];
  /** The configuration has changed, or may have (after a reset). */
  configChanged?: () => void;
}

interface Entry {
  readonly flight: Flight;
  /** Time since it was submitted, as far as ticks have told. */
  ageMs: number;
  attempts: number;
}

interface Queue {
  readonly plan: QueuePlan;
  readonly ring: DriverQueue;
  readonly entries: Map<number, Entry>;
  /** In the order of their submission: no room, or the device is not running. */
  waiting: Entry[];
}

/** What has gone wrong so far. */
export interface DeviceTroubles {
  /** Times the device was reset because it did not answer, or asked for it. */
  resets: number;
  /** Times that something was finished and no interrupt told of it. */
  lostInterrupts: number;
  /** Requests that were given up. */
  failures: number;
}

/** One device. */
export class VirtioDevice {
  readonly transport: VirtioTransport;
  readonly troubles: DeviceTroubles = { resets: 0, lostInterrupts: 0, failures: 0 };
  readonly #device: Device;
  readonly #line: InterruptLine;
  readonly #plan: DevicePlan;
  readonly #queues = new Map<number, Queue>();
  #state: "starting" | "running" | "resetting" | "failed" = "starting";
  #notifyPending = false;
  #ticking = false;
  /** Interrupts have come since the last tick; they do not come at all. */
  #interrupted = false;
  #deaf = false;
  /** Time to the next look while deaf: short as long as looking finds something. */
  #pollMs = POLL_MS;
  #resetsInVain = 0;
  /** More is finished than was taken. */
  #unfinished = false;

  private constructor(device: Device, plan: DevicePlan) {
    const [line] = device.interrupts;
    if (line === undefined) throw ENODEV;
    this.#device = device;
    this.#line = line;
    this.#plan = plan;
    this.transport = new VirtioTransport(device.registers, plan.deviceId);
  }

  /** Brings a device up, ready but for `start`. @throws ENODEV, EIO */
  static async open(device: Device, plan: DevicePlan): Promise<VirtioDevice> {
    const opened = new VirtioDevice(device, plan);
    if (!(await opened.#reset())) throw EIO;
    opened.#negotiate();
    for (const queue of plan.queues) await opened.#addQueue(queue);
    return opened;
  }

  async #addQueue(plan: QueuePlan): Promise<void> {
    const size = Math.min(powerOfTwo(plan.size), this.transport.queueSizeMax(plan.index));
    if (size === 0) throw ENODEV;
    const ring = new DriverQueue(await this.#device.allocateDma(DriverQueue.bytes(size)), size);
    this.#queues.set(plan.index, { plan, ring, entries: new Map(), waiting: [] });
  }

  /** Lets the device run, and serves it for ever. */
  start(): void {
    this.#run();
    void this.#serve();
  }

  /** Hands a request to the device; it waits when there is no room. */
  submit(index: number, flight: Flight): void {
    const queue = this.#queues.get(index);
    if (queue === undefined || this.#state === "failed") {
      this.#fail(flight);
      return;
    }
    const entry = { flight, ageMs: 0, attempts: 0 };
    if (queue.waiting.length > 0 || !this.#place(queue, entry)) queue.waiting.push(entry);
    else this.#notifySoon();
    if (!this.#ticking) void this.#watch();
  }

  // --- bringing up -----------------------------------------------------------------------------

  /** Resets the device; false if that takes too long. */
  async #reset(): Promise<boolean> {
    this.transport.reset();
    let waitedMs = 0;
    for (
      let lookMs = 1;
      !this.transport.isReset();
      lookMs = Math.min(2 * lookMs, RESET_LOOK_MS_MAX)
    ) {
      if (waitedMs >= this.#resetMsMax) return false;
      await this.#device.after(lookMs);
      waitedMs += lookMs;
    }
    return true;
  }

  get #resetMsMax(): number {
    const timeouts = this.#plan.queues.map(({ timeoutMs = RESET_MS_MAX }) => timeoutMs);
    return Math.min(RESET_MS_MAX, RESET_REQUESTS * Math.min(...timeouts));
  }

  #negotiate(): void {
    this.transport.negotiate([...this.#plan.features, VIRTIO_F.EVENT_IDX]);
  }

  /** Sets the queues up and runs the device. It was reset, and has agreed on features. */
  #run(): void {
    const eventIndex = this.transport.features.has(VIRTIO_F.EVENT_IDX);
    for (const [index, { ring }] of this.#queues) {
      ring.clear(eventIndex);
      this.transport.setQueue(index, ring);
    }
    this.transport.ready();
    this.#state = "running";
    for (const queue of this.#queues.values()) this.#placeWaiting(queue);
    this.#plan.configChanged?.();
  }

  /**
   * Brings a device up again that does not answer. Its requests are submitted again, except for
   * those that have been tried often enough.
   */
  async #restart(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "resetting";
    this.troubles.resets++;
    this.#resetsInVain++;
    const complete = await this.#reset();
    const hopeless = !complete || this.#resetsInVain >= ATTEMPTS_MAX;
    const lost: Flight[] = [];
    for (const queue of this.#queues.values()) lost.push(...collect(queue, hopeless));
    if (hopeless) this.#resetsInVain = 0;
    if (!complete) {
      this.#state = "failed";
      // Those that came meanwhile must not wait for a device that may never come back.
      for (const queue of this.#queues.values()) lost.push(...takeTimed(queue));
    }
    // Now, and not before: their memory is out of the device's reach, or not used before it is.
    for (const flight of lost) this.#fail(flight);
    if (!complete) await this.#comeBack();
    try {
      this.#negotiate();
      this.#run();
    } catch {
      this.#giveUp();
    }
  }

  /** Waits for a reset that took too long, however long. */
  async #comeBack(): Promise<void> {
    while (!this.transport.isReset()) await this.#device.after(RESET_MS_MAX);
  }

  /** The device refuses what it had agreed to before: nothing can be done with it. */
  #giveUp(): void {
    this.#state = "failed";
    for (const queue of this.#queues.values()) {
      for (const flight of collect(queue, true)) this.#fail(flight);
      for (const { flight } of queue.waiting.splice(0)) this.#fail(flight);
    }
  }

  #fail(flight: Flight): void {
    this.troubles.failures++;
    flight.failed();
  }

  // --- requests --------------------------------------------------------------------------------

  /** Puts a request into the ring; false: no room, or not now. */
  #place(queue: Queue, entry: Entry): boolean {
    if (this.#state !== "running") return false;
    entry.flight.prepare?.();
    const head = queue.ring.add(entry.flight.segments);
    if (head < 0) return false;
    entry.ageMs = 0;
    queue.entries.set(head, entry);
    return true;
  }

  #placeWaiting(queue: Queue): void {
    let placed = 0;
    for (const entry of queue.waiting) {
      if (!this.#place(queue, entry)) break;
      placed++;
    }
    if (placed === 0) return;
    queue.waiting.splice(0, placed);
    this.#notifySoon();
  }

  /** One notification for all requests that one turn has made. */
  #notifySoon(): void {
    if (this.#notifyPending) return;
    this.#notifyPending = true;
    queueMicrotask(() => {
      this.#notifyPending = false;
      if (this.#state !== "running") return;
      for (const [index, { ring }] of this.#queues) {
        if (ring.wantsNotification()) this.transport.notify(index);
      }
    });
  }

  // --- completions -----------------------------------------------------------------------------

  async #serve(): Promise<never> {
    for (;;) {
      await this.#line.next();
      this.#interrupted = true;
      this.#deaf = false;
      // Also while the device is being reset: the line must not stay masked.
      this.#poll();
      this.#line.acknowledge();
      while (this.#unfinished) {
        await this.#device.after(0);
        this.#poll();
      }
    }
  }

  /** Takes what is finished, and looks whether the device wants something. Returns how much. */
  #poll(): number {
    const configChanged = this.transport.acknowledge();
    this.#unfinished = false;
    if (this.#state !== "running") return 0;
    let count = 0;
    for (const queue of this.#queues.values()) count += this.#collect(queue);
    if (count > 0) this.#resetsInVain = 0;
    if (configChanged && this.transport.needsReset()) void this.#restart();
    else if (configChanged) this.#plan.configChanged?.();
    return count;
  }

  /** Takes what is finished, two rounds of the ring at most, so that others get their turn. */
  #collect(queue: Queue): number {
    const { ring, entries } = queue;
    let count = 0;
    for (; count < 2 * ring.size; count++) {
      let finished = ring.take();
      if (finished === undefined) {
        ring.rearm();
        finished = ring.take();
      }
      if (finished === undefined) break;
      if (finished === "broken") {
        void this.#restart();
        return count;
      }
      const entry = entries.get(finished.head);
      entries.delete(finished.head);
      entry?.flight.done(finished.length);
    }
    this.#unfinished ||= count === 2 * ring.size;
    this.#placeWaiting(queue);
    return count;
  }

  // --- time ------------------------------------------------------------------------------------

  /** Looks at requests under way from time to time, as long as there are any. */
  async #watch(): Promise<void> {
    this.#ticking = true;
    for (let tickMs = this.#tickMs(); tickMs > 0; tickMs = this.#tickMs()) {
      this.#interrupted = false;
      await this.#device.after(tickMs);
      if (this.#state === "running") this.#tick(tickMs);
    }
    this.#ticking = false;
  }

  /** When to look again; 0: nothing is under way. */
  #tickMs(): number {
    let limitMs = 0;
    for (const { plan, entries, waiting } of this.#queues.values()) {
      if (entries.size + waiting.length === 0) continue;
      if (limitMs === 0) limitMs = HEARTBEAT_MS;
      if (plan.timeoutMs !== undefined) limitMs = TICK_MS;
    }
    return this.#deaf ? Math.min(limitMs, this.#pollMs) : limitMs;
  }

  #tick(tickMs: number): void {
    let expired = false;
    for (const { plan, entries } of this.#queues.values()) {
      if (plan.timeoutMs === undefined) continue;
      for (const entry of entries.values()) {
        // It may have been submitted in the middle of a long one.
        entry.ageMs += Math.min(tickMs, TICK_MS);
        expired ||= entry.ageMs >= plan.timeoutMs;
      }
    }
    // Without an interrupt nothing can have come, unless interrupts get lost.
    const found = this.#interrupted ? 0 : this.#poll();
    if (found > 0) {
      this.troubles.lostInterrupts++;
      this.#deaf = true;
      this.#pollMs = POLL_MS;
    } else {
      this.#pollMs = Math.min(2 * this.#pollMs, HEARTBEAT_MS);
      if (expired) void this.#restart();
    }
  }
}

/**
 * Takes the requests that a device had, oldest first, to be submitted again after its reset.
 * Returns those that are to fail: all if it is hopeless, else those that were tried often enough.
 * What waits for the world is never given up.
 */
function collect(queue: Queue, hopeless: boolean): Flight[] {
  const { timeoutMs } = queue.plan;
  const failed: Flight[] = [];
  const again: Entry[] = [];
  for (const entry of queue.entries.values()) {
    if (timeoutMs !== undefined && entry.ageMs >= timeoutMs) entry.attempts++;
    const given = timeoutMs !== undefined && (hopeless || entry.attempts >= ATTEMPTS_MAX);
    if (given) failed.push(entry.flight);
    else again.push(entry);
  }
  queue.entries.clear();
  queue.waiting = [...again, ...queue.waiting];
  return failed;
}

/** Takes the requests that wait to be submitted and may not wait for the world. */
function takeTimed(queue: Queue): Flight[] {
  return queue.plan.timeoutMs === undefined
    ? []
    : queue.waiting.splice(0).map(({ flight }) => flight);
}

function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(size));
}
