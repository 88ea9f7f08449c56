/** What a driver's gate has of the board: the bus, and who waits for which interrupt. */

import type { Descriptor, DmaRegion, Window } from "../../ipc/abi.js";
import { ClientChannel } from "../../ipc/client-channel.js";
import { Doorbell } from "../../ipc/doorbell.js";
import { EINVAL, type Errno } from "../../ipc/errno.js";
import type { Mail } from "../../ipc/mail.js";
import { vectorCounts } from "../../ipc/vector.js";
import { Bus } from "./bus.js";
import { HardwareObject } from "./objects.js";

/** Someone who waits for an interrupt. */
interface IrqWait {
  counts: Int32Array;
  line: number;
  seen: number;
  resolve: (count: number) => void;
}

/** The hardware side of one process. */
export class Hardware {
  readonly #bell: Doorbell;
  #bus: Bus | undefined;
  #waits: IrqWait[] = [];

  /** @param bell - the process's own */
  constructor(bell: Doorbell) {
    this.#bell = bell;
  }

  /** The board gave this incarnation a channel. */
  connected(mail: Mail & { kind: "connect" }): void {
    this.#bus = new Bus(new ClientChannel(mail.memory, new Doorbell(mail.bell)), this.#bell);
  }

  window(descriptor: Descriptor): Window | Errno {
    const mail = mailOf(descriptor);
    if (mail?.object !== "window" || this.#bus === undefined) return EINVAL;
    return this.#bus.window(mail.window, mail.size);
  }

  dma(descriptor: Descriptor): DmaRegion | Errno {
    const mail = mailOf(descriptor);
    return mail?.object === "dma" ? { address: mail.address, memory: mail.memory } : EINVAL;
  }

  /** Resolves to the line's count when it differs from `seen`. */
  interrupt(descriptor: Descriptor, seen: number): Promise<number> {
    const mail = mailOf(descriptor);
    if (mail?.object !== "irq") return Promise.reject(EINVAL);
    return new Promise((resolve) => {
      const { vector, index } = mail;
      this.#waits.push({ counts: vectorCounts(vector), line: index, seen, resolve });
    });
  }

  acknowledge(descriptor: Descriptor): void {
    const mail = mailOf(descriptor);
    if (mail?.object === "irq") this.#bus?.acknowledge(mail.line);
  }

  /** True when an interrupt has come that somebody waits for. Polled. */
  ready(): boolean {
    for (const wait of this.#waits) if (hasCome(wait)) return true;
    return false;
  }

  /** Tells those whose interrupt has come. Returns how many. */
  deliver(): number {
    if (this.#waits.length === 0) return 0;
    const due = this.#waits.filter(hasCome);
    if (due.length === 0) return 0;
    this.#waits = this.#waits.filter((wait) => !due.includes(wait));
    for (const { resolve, counts, line } of due) resolve(Atomics.load(counts, line));
    return due.length;
  }
}

/** Partner: the board adds to the count, then rings. */
function hasCome({ counts, line, seen }: IrqWait): boolean {
  return Atomics.load(counts, line) !== seen;
}

function mailOf(descriptor: Descriptor): HardwareObject["mail"] | undefined {
  return descriptor instanceof HardwareObject ? descriptor.mail : undefined;
}
