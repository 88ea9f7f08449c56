/**
 * What the gate and the runtime of a confined process agree on. Only numbers, strings, booleans,
 * `undefined` and genuine `Uint8Array`s cross between the two; the gate believes none of them and
 * copies all bytes. What the gate hands over is frozen or fresh and leads to nothing else.
 */

/** A name that a module imports. `imported` is "*" for the whole module. */
export interface ModuleImport {
  /** Module that has it (its id). */
  from: string;
  imported: string;
  local: string;
}

/** A name that a module exports: one of its own bindings, or another module's. */
export interface ModuleExport {
  name: string;
  /** Module that has it; undefined: this one. */
  from?: string;
  /** Its name there; "*": the whole module. */
  imported?: string;
  /** True when the binding never changes once the module has run. */
  constant: boolean;
}

/** A module as the linker has prepared it: the text of an asynchronous function. */
export interface LinkedModule {
  /** URL of its file. */
  id: string;
  imports: ModuleImport[];
  exports: ModuleExport[];
  /** To be evaluated, and called with a function that takes a table of getters by export name. */
  code: string;
}

/** A request of a handler, in plain facts. */
export interface RequestFacts {
  readonly caller: number;
  readonly flags: number;
  readonly nonblocking: boolean;
  readonly root: string;
  readonly rights: number;
  readonly scheme: string;
  readonly replace: boolean;
}

/** What a call came to. */
export interface CallOutcome {
  readonly result: number;
  readonly body: Uint8Array | undefined;
  readonly outcome: string | undefined;
  readonly oldIncarnation: number | undefined;
  readonly newIncarnation: number | undefined;
  /** What was opened, if anything was. */
  readonly descriptor: DescriptorFacts | undefined;
}

/** An open file of the process. */
export interface DescriptorFacts {
  readonly id: number;
  readonly url: string;
  readonly flags: number;
  readonly positioned: boolean;
}

/**
 * What the gate offers to the runtime. Functions that start something return its number, or
 * `-errno`. All arguments are positional primitives: an object would have getters.
 */
export interface Bridge {
  /** Who this process is, as JSON of `SelfInfo`, and its standard files. */
  readonly self: string;
  readonly stdio: readonly DescriptorFacts[];
  schemes(): readonly string[];
  open(url: string, flags: number, view: string, deadlineMs: number): number;
  path(opcode: number, url: string, second: string | undefined, view: string, arg1: number): number;
  syscall(name: string, body: Uint8Array): number;
  call(
    descriptor: number,
    opcode: number,
    bytes: Uint8Array | undefined,
    room: number,
    offset: number,
    arg0: number,
    arg1: number,
    arg2: number,
    nonblocking: boolean,
    deadlineMs: number,
  ): number;
  watch(queue: number, target: number, id: number, mask: number): number;
  /** Tells the runtime (`Guest.done`) when the call is done. */
  notify(call: number): void;
  isDone(call: number): boolean;
  /** Blocks until one of the calls is done: numbers, as text with commas. */
  wait(calls: string): void;
  /** Takes what a done call came to, once. Of a read, the bytes go into `bytes`. */
  take(call: number, bytes: Uint8Array | undefined): CallOutcome | undefined;
  cancel(call: number): void;
  close(descriptor: number): void;
  position(descriptor: number): number;
  setPosition(descriptor: number, position: number): void;
  /** The descriptor of a kernel object that a system call has made. */
  object(id: number): DescriptorFacts | undefined;
  /** What names a descriptor to the kernel, as JSON. */
  reference(descriptor: number): string | undefined;
  sleep(milliseconds: number): void;
  now(): number;
  log(line: string): void;
  /** Size of a device's window in bytes. */
  window(descriptor: number): number;
  readRegister(descriptor: number, offset: number, size: number): number;
  writeRegister(descriptor: number, offset: number, size: number, value: number): void;
  /** Memory of a DMA region, and its address on the bus. Shared with the device and nobody else. */
  dma(descriptor: number): { address: number; memory: SharedArrayBuffer } | undefined;
  /** Starts to wait for an interrupt; the result of the call is the line's count. */
  irq(descriptor: number, seen: number): number;
  acknowledge(descriptor: number): void;
  /** Serves, with these operations of the scheme; the call is done when requests can come. */
  serve(operations: string, sleeper: boolean): number;
  /** Answers a request: a count or `-errno`, or a body. The second answer is dropped. */
  answer(request: number, result: number, body: Uint8Array | undefined, positioned: boolean): void;
  defer(request: number): void;
  canceled(request: number): boolean;
  /** Posts readiness of what was asked with `fevent` as `request`. */
  post(request: number, events: number): void;
  setTimer(milliseconds: number, repeats: boolean): number;
  clearTimer(id: number): void;
  encodeText(text: string): Uint8Array;
  /** Decodes UTF-8; undefined: malformed, and `fatal`. */
  decodeText(bytes: Uint8Array, fatal: boolean): string | undefined;
  /** Ends the process: a bug. */
  die(words: string): void;
}

/** What the runtime offers to the gate; handed over once, before any foreign code has run. */
export interface Guest {
  /** Learns who it is. */
  begin(): void;
  /** Runs a program's main function, then exits. */
  program(main: unknown): void;
  /**
   * Calls a handler. Returns a count or `-errno`, or undefined when `Bridge.answer` has been or
   * will be called.
   */
  dispatch(
    request: number,
    operation: string,
    handle: number,
    first: string | number | Uint8Array | undefined,
    second: string | number | undefined,
    facts: RequestFacts,
  ): unknown;
  done(call: number): void;
  cancel(request: number): void;
  fire(timer: number): void;
  /** Describes anything that was thrown. */
  describe(thrown: unknown): unknown;
}

/** Key of the bridge among the globals, while the runtime itself is loaded. */
export const BRIDGE_NAME = "anodeBridge";
/** Key of the function that takes the `Guest`. */
export const ATTACH_NAME = "anodeAttach";
