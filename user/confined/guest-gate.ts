/**
 * The gate as confined code finds it: the same interface as everywhere (ipc/abi.ts), over the
 * bridge. It holds no power; the gate behind the bridge checks everything anew.
 */

import {
  ABI_VERSION,
  AT_POSITION,
  type Call,
  type Descriptor,
  type DmaRegion,
  type Gate,
  type NameView,
  type SelfInfo,
  type SyscallName,
  type Window,
} from "../../ipc/abi.js";
import { encodeBody } from "../../ipc/codec.js";
import type { CallOutcome, DescriptorFacts } from "../../ipc/confined.js";
import { EBADF, EINVAL, type Errno, errnoFromNumber } from "../../ipc/errno.js";
import { OP_FEVENT, OP_OPEN, OP_SYSCALL } from "../../ipc/opcode.js";
import type { Scheme } from "../../ipc/scheme.js";
import type { Outcome } from "../../ipc/sys-error.js";
import { bridge } from "./bridge.js";
import { setScheme } from "./handlers.js";

const running = new Map<number, GuestCall>();

/** A call of confined code. */
class GuestCall implements Call {
  readonly opcode: number;
  bytes: Uint8Array | undefined;
  room = 0;
  offset = AT_POSITION;
  arg0 = 0;
  arg1 = 0;
  arg2 = 0;
  nonblocking = false;
  deadlineMs = 0;
  result = 0;
  body: Uint8Array | undefined;
  outcome: Outcome | undefined;
  incarnation: { old: number; now: number } | undefined;
  opened: Descriptor | undefined;
  #id = 0;
  #finished = false;
  readonly #begin: (call: GuestCall) => number;
  #settled: (() => void)[] = [];

  constructor(opcode: number, begin: (call: GuestCall) => number) {
    this.opcode = opcode;
    this.#begin = begin;
  }

  /** Starts it, once. Returns its number; 0: it is done already. */
  start(): number {
    if (this.#id !== 0 || this.#finished) return this.#id;
    const id = this.#begin(this);
    if (id > 0) {
      this.#id = id;
      running.set(id, this);
    } else {
      this.result = id;
      this.#finish();
    }
    return this.#id;
  }

  get done(): boolean {
    if (!this.#finished && this.#id !== 0 && bridge().isDone(this.#id)) this.collect();
    return this.#finished;
  }

  /** Takes what it came to. */
  collect(): void {
    if (this.#finished) return;
    const outcome = bridge().take(this.#id, this.bytes);
    if (outcome !== undefined) this.#adopt(outcome);
  }

  #adopt(outcome: CallOutcome): void {
    const { oldIncarnation, newIncarnation, descriptor } = outcome;
    this.result = outcome.result;
    this.body = outcome.body;
    this.outcome = outcome.outcome as Outcome | undefined;
    if (oldIncarnation !== undefined && newIncarnation !== undefined) {
      this.incarnation = { old: oldIncarnation, now: newIncarnation };
    }
    if (descriptor !== undefined) this.opened = new GuestDescriptor(descriptor);
    this.#finish();
  }

  #finish(): void {
    this.#finished = true;
    running.delete(this.#id);
    for (const settled of this.#settled) settled();
    this.#settled = [];
  }

  settle(): Promise<number> {
    this.start();
    if (this.done) return Promise.resolve(this.result);
    bridge().notify(this.#id);
    return new Promise((resolve) => {
      this.#settled.push(() => {
        resolve(this.result);
      });
    });
  }
}

/** The gate says that a call is done. */
export function callDone(id: number): void {
  running.get(id)?.collect();
}

/** An open file of confined code. */
class GuestDescriptor implements Descriptor {
  readonly id: number;
  readonly url: string;
  readonly flags: number;
  readonly positioned: boolean;

  constructor({ id, url, flags, positioned }: DescriptorFacts) {
    this.id = id;
    this.url = url;
    this.flags = flags;
    this.positioned = positioned;
  }

  get position(): number {
    return bridge().position(this.id);
  }

  set position(value: number) {
    bridge().setPosition(this.id, value);
  }

  call(opcode: number): Call {
    return new GuestCall(opcode, (call) =>
      bridge().call(
        this.id,
        opcode,
        call.bytes,
        call.room,
        call.offset,
        call.arg0,
        call.arg1,
        call.arg2,
        call.nonblocking,
        call.deadlineMs,
      ),
    );
  }
}

function idOf(descriptor: Descriptor): number {
  return descriptor instanceof GuestDescriptor ? descriptor.id : 0;
}

function viewText(within: NameView | undefined): string {
  return within === undefined ? "" : JSON.stringify(within);
}

/** The one gate of this compartment. */
export class GuestGate implements Gate {
  readonly abi = ABI_VERSION;
  #self: SelfInfo | undefined;
  #stdio: Descriptor[] | undefined;

  /** Shared memory is not for confined code. */
  store(): undefined {
    return undefined;
  }

  get self(): SelfInfo {
    this.#self ??= JSON.parse(bridge().self) as SelfInfo;
    return this.#self;
  }

  get stdio(): readonly Descriptor[] {
    this.#stdio ??= bridge().stdio.map((facts) => new GuestDescriptor(facts));
    return this.#stdio;
  }

  schemes(): string[] {
    return [...bridge().schemes()];
  }

  open(url: string, flags: number, within?: NameView): Call {
    const view = viewText(within);
    return new GuestCall(OP_OPEN, (call) => bridge().open(url, flags, view, call.deadlineMs));
  }

  opened(call: Call): Descriptor | undefined {
    return call instanceof GuestCall ? call.opened : undefined;
  }

  path(opcode: number, url: string, names: { second?: string; within?: NameView }): Call {
    const view = viewText(names.within);
    return new GuestCall(opcode, (call) =>
      bridge().path(opcode, url, names.second, view, call.arg1),
    );
  }

  watch(queue: Descriptor, target: Descriptor, watch: { id: number; mask: number }): Call {
    return new GuestCall(OP_FEVENT, () =>
      bridge().watch(idOf(queue), idOf(target), watch.id, watch.mask),
    );
  }

  syscall(name: SyscallName, body: unknown): Call {
    return new GuestCall(OP_SYSCALL, () => bridge().syscall(name, encodeBody(body ?? null)));
  }

  wait(call: Call): number {
    this.waitAny([call]);
    return call.result;
  }

  waitAny(calls: readonly Call[]): void {
    const ids = calls.map((call) => (call as GuestCall).start());
    if (!calls.some((call) => call.done)) bridge().wait(ids.join(","));
    for (const call of calls) if (call.done) return;
  }

  settle(call: Call): Promise<number> {
    return (call as GuestCall).settle();
  }

  start(call: Call): void {
    (call as GuestCall).start();
  }

  cancel(call: Call): void {
    bridge().cancel((call as GuestCall).start());
  }

  close(descriptor: Descriptor): void {
    bridge().close(idOf(descriptor));
  }

  sleep(milliseconds: number): void {
    bridge().sleep(milliseconds);
  }

  now(): number {
    return bridge().now();
  }

  window(descriptor: Descriptor): Window | Errno {
    const id = idOf(descriptor);
    const size = bridge().window(id);
    if (size < 0) return errnoFromNumber(-size);
    const { readRegister, writeRegister } = bridge();
    return {
      size,
      read: (offset, bytes) => readRegister(id, offset, bytes),
      write: (offset, bytes, value) => {
        writeRegister(id, offset, bytes, value);
      },
    };
  }

  dma(descriptor: Descriptor): DmaRegion | Errno {
    return bridge().dma(idOf(descriptor)) ?? EINVAL;
  }

  async irq(descriptor: Descriptor, seen: number): Promise<number> {
    const id = idOf(descriptor);
    if (id === 0) throw EBADF;
    return await new GuestCall(0, () => bridge().irq(id, seen)).settle();
  }

  irqAck(descriptor: Descriptor): void {
    bridge().acknowledge(idOf(descriptor));
  }

  object(id: number): Descriptor | undefined {
    const facts = bridge().object(id);
    return facts === undefined ? undefined : new GuestDescriptor(facts);
  }

  reference(descriptor: Descriptor): unknown {
    const text = bridge().reference(idOf(descriptor));
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }

  async serve(scheme: Scheme, sleeper: boolean): Promise<void> {
    const operations = setScheme(scheme);
    const result = await new GuestCall(0, () => bridge().serve(operations, sleeper)).settle();
    if (result < 0) throw errnoFromNumber(-result);
  }

  log(line: string): void {
    bridge().log(line);
  }
}
