/** The scheme on the gate's test stand: parks what it is told to, and notes everything it sees. */

import type { RequestContext, Scheme } from "../../ipc/scheme.js";
import { opened } from "../../ipc/scheme.js";

/** A handler that waits for the test. */
export interface Parked {
  what: string;
  context: RequestContext;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** A scheme under the test's control. */
export class GateScheme implements Scheme<string> {
  readonly log: string[] = [];
  readonly parked: Parked[] = [];
  /** Operations that park, by name. */
  readonly parks = new Set<string>();
  /** Says `defer()` before it parks. */
  defers = false;
  /** What a transfer answers; undefined: the length that was asked for. */
  count: number | undefined;

  #do<T>(what: string, value: T, context: RequestContext): T | Promise<T> {
    this.log.push(what);
    if (!this.parks.has(what.split(" ")[0] as string)) return value;
    if (this.defers) context.defer();
    return new Promise<unknown>((resolve, reject) => {
      this.parked.push({ what, context, resolve, reject });
    }) as Promise<T>;
  }

  /** Answers the first parked request. */
  answer(value: unknown): void {
    this.parked.shift()?.resolve(value);
  }

  /** Refuses the first parked request. */
  fail(error: unknown): void {
    this.parked.shift()?.reject(error);
  }

  open(path: string, context: RequestContext) {
    const facts = { positioned: true, identity: { object: path, generation: 1 } };
    return this.#do(`open ${path}`, opened(path, facts), context);
  }

  dup(handle: string, name: string, context: RequestContext) {
    return this.#do(`dup ${name}`, handle, context);
  }

  read(handle: string, bytes: Uint8Array, offset: number, context: RequestContext) {
    bytes.fill(0x61);
    return this.#do(`read ${handle} ${offset}`, this.count ?? bytes.length, context);
  }

  write(handle: string, bytes: Uint8Array, offset: number, context: RequestContext) {
    return this.#do(`write ${handle} ${offset}`, this.count ?? bytes.length, context);
  }

  call(_handle: string, request: unknown, context: RequestContext): unknown {
    return this.#do("call", request, context);
  }

  unlink(path: string, _kind: string, context: RequestContext) {
    return this.#do(`unlink ${path}`, undefined, context);
  }

  rename(from: string, to: string, context: RequestContext) {
    return this.#do(`rename ${from} ${to}`, undefined, context);
  }

  close(handle: string): void {
    this.log.push(`close ${handle}`);
  }
}
