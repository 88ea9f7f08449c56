/**
 * The realm of confined code: intrinsics frozen by SES, one compartment whose global object has
 * only what is named here, and the modules that the linker has prepared. Evaluates; gives no
 * powers.
 */

import type { LinkedModule, ModuleExport } from "../../../ipc/confined.js";

/**
 * Globals that confined code sees. All are harmless intrinsics that lockdown has frozen; what Node
 * or the engine adds in a later version does not get in by itself.
 */
export const INTRINSICS: ReadonlySet<string> = new Set([
  ...["globalThis", "undefined", "NaN", "Infinity", "Object", "Function", "Boolean", "Symbol"],
  ...["Number", "BigInt", "Math", "Date", "String", "RegExp", "Array", "Map", "Set", "WeakMap"],
  ...["WeakSet", "ArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray"],
  ...["Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "BigInt64Array"],
  ...["BigUint64Array", "Float32Array", "Float64Array", "JSON", "Promise", "Proxy"],
  ...["Reflect", "Iterator", "Error", "AggregateError", "EvalError", "RangeError"],
  ...["ReferenceError", "SyntaxError", "TypeError", "URIError", "eval", "isFinite", "isNaN"],
  ...["parseFloat", "parseInt", "decodeURI", "decodeURIComponent", "encodeURI"],
  ...["encodeURIComponent", "escape", "unescape", "harden", "Atomics"],
]);

/** A text that may be a dynamic import of a kind that the compartment's own check does not know. */
const IMPORT = /(?:^|[^.]|\.\.\.)\bimport\s*(?:\.|\(|\/[/*])/;

/** Freezes all intrinsics of this thread. Once, before any foreign code. */
export async function lockDown(): Promise<void> {
  await import("ses");
  lockdown({
    // Stacks are text without powers, and the first thing that a person wants of a death.
    errorTaming: "unsafe",
    stackFiltering: "verbose",
    errorTrapping: "none",
    unhandledRejectionTrapping: "none",
    consoleTaming: "unsafe",
    reporting: "none",
  });
  // Confined code gets neither; frozen all the same, because the gate's own code works with them.
  for (const shared of [SharedArrayBuffer, SharedArrayBuffer.prototype, Atomics]) harden(shared);
}

/** A binding of a module. */
interface Binding {
  get(): unknown;
  constant: boolean;
}

/** A module that is loaded, or being loaded. */
interface Loaded {
  exports: Map<string, ModuleExport>;
  getters: Record<string, () => unknown> | undefined;
  /** True once it has run to its end. */
  ran: boolean;
  namespace: object | undefined;
}

/** One compartment and its modules. */
export class Realm {
  readonly #compartment: Compartment;
  readonly #modules = new Map<string, Loaded>();

  /** Only after `lockDown`. */
  constructor() {
    this.#compartment = new Compartment({ __options__: true, transforms: [refuseImports] });
    const names = this.#compartment.globalThis as Record<string | symbol, unknown>;
    // Its own clock can be read: every process may ask for the time.
    names["Date"] = Date;
    // SES withholds them, because two kinds of NaN can be told apart in one: no power is in that.
    Object.assign(names, { Float32Array, Float64Array });
    // For the rings that a driver shares with its device; nobody else has shared memory.
    names["Atomics"] = Object.freeze({ load: Atomics.load, store: Atomics.store });
    for (const key of Reflect.ownKeys(names)) {
      if (typeof key === "symbol") continue;
      if (!INTRINSICS.has(key)) delete names[key];
      // Constants are resolved once; anything else is looked up at each use.
      else Object.defineProperty(names, key, { writable: false, configurable: false });
    }
  }

  /** Defines a global until `forget`. */
  lend(name: string, value: unknown): void {
    Object.defineProperty(this.#compartment.globalThis, name, { value, configurable: true });
  }

  forget(name: string): void {
    delete (this.#compartment.globalThis as Record<string, unknown>)[name];
  }

  /** The names of all globals; a test compares them with what is documented. */
  freeze(): void {
    Object.freeze(this.#compartment.globalThis);
  }

  /** Runs the modules in their order. Resolves to the default export of the last. */
  async load(modules: readonly LinkedModule[]): Promise<unknown> {
    for (const module of modules) {
      this.#modules.set(module.id, {
        exports: new Map(module.exports.map((one) => [one.name, one])),
        getters: undefined,
        ran: false,
        namespace: undefined,
      });
    }
    for (const module of modules) await this.#run(module);
    const last = this.#modules.get(modules.at(-1)?.id ?? "");
    return last?.getters?.["default"]?.();
  }

  async #run(module: LinkedModule): Promise<void> {
    const loaded = this.#modules.get(module.id) as Loaded;
    const lexicals = this.#lexicals(module);
    const body = this.#compartment.evaluate(module.code, {
      __moduleShimLexicals__: lexicals,
    } as object) as (table: (getters: Record<string, () => unknown>) => void) => Promise<void>;
    await body((getters) => {
      loaded.getters ??= getters;
    });
    loaded.ran = true;
  }

  /** What a module imports, as the names of its scope. */
  #lexicals(module: LinkedModule): object {
    const lexicals = Object.create(null) as object;
    for (const { from, imported, local } of module.imports) {
      const { get, constant } = this.#binding(from, imported);
      const fixed = constant && this.#modules.get(from)?.ran === true;
      const property = fixed ? { value: get() } : { get };
      Object.defineProperty(lexicals, local, { ...property, enumerable: true });
    }
    return lexicals;
  }

  #binding(id: string, name: string, depth = 0): Binding {
    const loaded = this.#modules.get(id);
    if (loaded === undefined || depth > 100) return { get: () => undefined, constant: false };
    if (name === "*") {
      const namespace = this.#namespace(id, loaded);
      return { get: () => namespace, constant: true };
    }
    const { from, imported, constant } = loaded.exports.get(name) ?? { constant: false };
    if (from !== undefined) return this.#binding(from, imported ?? name, depth + 1);
    return { get: () => loaded.getters?.[name]?.(), constant };
  }

  #namespace(id: string, loaded: Loaded): object {
    if (loaded.namespace !== undefined) return loaded.namespace;
    const namespace = Object.create(null) as object;
    loaded.namespace = namespace;
    for (const name of [...loaded.exports.keys()].sort()) {
      const get = (): unknown => this.#binding(id, name).get();
      Object.defineProperty(namespace, name, { get, enumerable: true });
    }
    Object.defineProperty(namespace, Symbol.toStringTag, { value: "Module" });
    return Object.freeze(namespace);
  }
}

/** Before the compartment's own check, for `eval` and `Function` in confined code. */
function refuseImports(source: string): string {
  if (IMPORT.test(source)) throw new SyntaxError("confined code has no import here");
  return source;
}
