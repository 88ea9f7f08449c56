/**
 * The kernel objects of this process: those that came by mail, and the requests that wait on them.
 */

import type { ObjectMail, PipeMail } from "../../ipc/mail.js";
import { HardwareObject, type LocalObject, type LocalRequest, PipeEnd } from "./objects.js";

/** All local objects. */
export class ObjectTable {
  readonly #open = new Map<number, LocalObject>();
  /** Came by mail and nobody has asked for them yet. */
  readonly #arrived = new Map<number, ObjectMail>();
  #waiting: LocalRequest[] = [];
  readonly #mailWaits: () => boolean;

  constructor(mailWaits: () => boolean) {
    this.#mailWaits = mailWaits;
  }

  arrive(mail: ObjectMail): void {
    this.#arrived.set(mail.id, mail);
  }

  /** Takes an object that has arrived. */
  claim(id: number): LocalObject | undefined {
    const mail = this.#arrived.get(id);
    this.#arrived.delete(id);
    return mail === undefined ? undefined : this.add(mail);
  }

  add(mail: ObjectMail): LocalObject {
    const object =
      mail.object === "pipe" ? new PipeEnd(mail, this.#mailWaits) : new HardwareObject(mail);
    this.#open.set(mail.id, object);
    return object;
  }

  /** Rings or peers of a pipe have changed. */
  update(mail: PipeMail): void {
    const object = this.#open.get(mail.id);
    if (object instanceof PipeEnd) object.update(mail);
    // Its open may not have been answered yet: then it is made with what is known by then.
    else if (this.#arrived.has(mail.id)) this.#arrived.set(mail.id, { object: "pipe", ...mail });
  }

  /** False: it was closed before. */
  close(id: number): boolean {
    return this.#open.delete(id);
  }

  submit(request: LocalRequest): void {
    if (!request.object.attempt(request)) this.#waiting.push(request);
  }

  cancel(request: LocalRequest): void {
    this.#waiting = this.#waiting.filter((other) => other !== request);
  }

  /** Tries those that wait. Returns whether any was served. */
  attempt(): boolean {
    if (this.#waiting.length === 0) return false;
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((request) => !request.object.attempt(request));
    return this.#waiting.length < before;
  }

  /** True while a request waits: then no sleep is long. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  setSleeping(sleeping: boolean): void {
    for (const request of this.#waiting) request.object.setSleeping(sleeping);
  }
}
