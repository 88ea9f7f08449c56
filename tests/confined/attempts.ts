/**
 * Attempts to get out of the compartment: texts that run in it (tests/fixtures/escapee). Each
 * answers "" when it found no way out, and otherwise what it found. `given` has the bridge, the
 * gate's interface, a handler's bytes and contexts, and `power`, which searches what is in reach.
 */

/** Name → text. */
export const ATTEMPTS: Readonly<Record<string, string>> = {
  // --- constructors of code ---------------------------------------------------------------------
  "constructor.constructor of a plain object": `
    try { return typeof ({}).constructor.constructor("return process")(); } catch { return ""; }`,
  "constructor of a function": `
    try { return typeof (() => 0).constructor("return process")(); } catch { return ""; }`,
  "constructor of an async function": `
    try { return typeof await (async () => 0).constructor("return process")(); }
    catch { return ""; }`,
  "constructor of a generator function": `
    try { return typeof (function* () {}).constructor("yield process")().next().value; }
    catch { return ""; }`,
  "constructor of an async generator function": `
    try {
      const made = (async function* () {}).constructor("yield process")();
      return typeof (await made.next()).value;
    } catch { return ""; }`,
  "prototypes of generators and their iterators": `
    const sync = (function* () { yield 1; })();
    const async_ = (async function* () { yield 1; })();
    return given.power(sync, async_, await async_.next(), [][Symbol.iterator](),
      new Map().entries(), new Set().values(), ""[Symbol.iterator](), "a".matchAll(/a/g));`,
  "a class that extends Function": `
    try {
      class Made extends Function {}
      const found = typeof new Made("return typeof process")();
      return found === "string" ? "" : found;
    } catch { return ""; }`,
  "Reflect.construct with Function's own prototype": `
    try {
      const make = Object.getPrototypeOf(Object).constructor;
      return typeof Reflect.construct(make, ["return process"])();
    } catch { return ""; }`,
  "bind, apply and call of Function.prototype": `
    try {
      const make = (() => 0).constructor;
      return typeof Function.prototype.call.call(make, null, "return process")();
    } catch { return ""; }`,
  "Function knows the compartment only": `
    const found = Function("return typeof process + typeof require + typeof globalThis.process")();
    return found === "undefinedundefinedundefined" ? "" : found;`,
  "sloppy this of Function": `
    const inner = Function("return (function () { return this })()");
    return given.power(Function("return this")(), inner());`,
  "a body that closes Function's frame": `
    try { return typeof Function("/*", "*/){return process}, (function(")(); }
    catch { return ""; }`,
  "indirect eval": `
    return given.power((0, eval)("this"), (0, eval)("globalThis"), eval);`,
  "names of Node and of the web in eval": `
    const names = ["process", "require", "module", "exports", "global", "self", "fetch",
      "WebAssembly", "SharedArrayBuffer", "Worker", "performance", "structuredClone",
      "MessageChannel", "MessagePort", "BroadcastChannel", "postMessage", "navigator", "crypto",
      "WebSocket", "Blob", "File", "URL", "Event", "EventTarget", "AbortController",
      "setImmediate", "gc", "Intl", "WeakRef", "FinalizationRegistry", "Temporal", "Compartment",
      "lockdown", "localStorage", "Storage", "Navigator", "EventSource", "CustomEvent"];
    return names.filter((name) => eval("typeof " + name) !== "undefined").join(" ");`,
  "strict code has no with": `
    try { eval("with ({}) {}"); return "with"; } catch { return ""; }`,

  // --- modules ----------------------------------------------------------------------------------
  "import() in eval": `
    try { return typeof await eval("import" + "('node:fs')"); } catch { return ""; }`,
  "import() in Function": `
    try { return typeof await Function("return import" + "('node:fs')")(); } catch { return ""; }`,
  "import() behind a comment": `
    try { return typeof await eval("imp" + "ort/**/('node:fs')"); } catch { return ""; }`,
  "import() behind line ends of all kinds": `
    for (const end of ["\\n", "\\r", "\\u2028", "\\u2029", "\\t", "\\u00a0", "\\ufeff", "\\v"]) {
      try { return JSON.stringify(end) + typeof await eval("import" + end + "('node:fs')"); }
      catch {}
    }
    return "";`,
  "import() behind an HTML comment": `
    try { return typeof await eval("import<!" + "-- x\\n('node:fs')"); } catch { return ""; }`,
  "import() spelled with an escape": `
    try { return typeof await eval("\\\\u0069mport('node:fs')"); } catch { return ""; }`,
  "import() behind a spread": `
    try { return typeof eval("[...import" + "('node:fs')]"); } catch { return ""; }`,
  "import() in a template": `
    try { return typeof await eval("\`\${import" + "('node:fs')}\`"); } catch { return ""; }`,
  "import.source and import.defer": `
    for (const phase of ["source", "defer"]) {
      try { return typeof await eval("imp" + "ort." + phase + "('node:fs')"); } catch {}
    }
    return "";`,
  "import.meta": `
    try { return typeof eval("import" + ".meta"); } catch { return ""; }`,
  "a static import in eval": `
    try { eval("import fs from 'node:fs'"); return "import"; } catch { return ""; }`,

  // --- errors and stacks ------------------------------------------------------------------------
  "Error.prepareStackTrace sees no call sites": `
    let sites;
    try { Error.prepareStackTrace = (_error, all) => { sites = all; return "x"; }; } catch {}
    void new Error("x").stack;
    try { null.x; } catch (error) { void error.stack; }
    return sites === undefined ? "" : "call sites";`,
  "Error.captureStackTrace shows no call sites": `
    let sites;
    const target = { toString() { return "x"; } };
    try { Error.prepareStackTrace = (_error, all) => { sites = all; }; } catch {}
    try { Error.captureStackTrace(target); void target.stack; } catch {}
    return sites === undefined && typeof target.stack !== "object" ? "" : "call sites";`,
  "an error that the gate's runtime throws": `
    try { await given.system.open("nowhere:/"); return "opened"; }
    catch (error) { return given.power(error); }`,
  "an error that the engine throws in the gate": `
    const errors = [];
    for (const work of Object.values(given.bridge)) {
      if (typeof work !== "function") continue;
      try { new work(); } catch (error) { errors.push(error); }
    }
    return given.power(...errors);`,
  "a stack overflow in the engine": `
    let caught;
    const deep = () => { deep(); };
    try { deep(); } catch (error) { caught = error; }
    return given.power(caught);`,
  "errors of all native kinds": `
    const errors = [];
    const works = [() => null.x, () => x, () => eval("("), () => decodeURI("%"),
      () => new Array(-1), () => BigInt(1.5), () => JSON.parse("{"), () => Symbol() + ""];
    for (const work of works) { try { work(); } catch (error) { errors.push(error); } }
    return given.power(...errors);`,
  "caller and arguments of a function": `
    const found = [];
    function seek() {
      for (const name of ["caller", "arguments"]) {
        try { if (seek[name]) found.push(seek[name]); } catch {}
      }
      try { found.push(arguments.callee); } catch {}
    }
    seek();
    return found.length === 0 ? "" : given.power(...found);`,

  // --- memory -----------------------------------------------------------------------------------
  "the buffer of a read": `
    const { buffer, length } = given.read.bytes;
    return buffer.byteLength === length ? given.power(buffer, given.read) : "more than its bytes";`,
  "the buffer of a write": `
    const { buffer, length } = given.written.bytes;
    if (buffer.byteLength !== length) return "more than its own";
    return given.power(buffer, given.written);`,
  "the buffer of a body": `
    const call = given.gate.syscall("processes", {});
    await given.gate.settle(call);
    const body = given.bridge.encodeText("x");
    return body.buffer.byteLength === 1 ? given.power(body.buffer) : "more than its own";`,
  "what was read is not written later": `
    given.read.bytes.fill(99);
    given.written.bytes.fill(99);
    return "";`,
  "shared memory by its tag": `
    return given.power(ArrayBuffer, DataView, Uint8Array, given.read, given.bridge);`,
  "Atomics cannot wait": `
    return Reflect.ownKeys(Atomics).sort().join() === "load,store" ? "" : "more Atomics";`,
  "a species of one's own": `
    class Mine extends Uint8Array { static get [Symbol.species]() { throw new RangeError("run"); } }
    const file = given.gate.open("zero:/", 3);
    await given.gate.settle(file);
    const { id } = given.gate.opened(file);
    let count = 0;
    for (const opcode of [3, 4]) {
      const bytes = new Mine(8);
      const call = given.bridge.call(id, opcode, bytes, 0, 0, 0, 0, 0, false, 0);
      while (!given.bridge.isDone(call)) await new Promise((resolve) => setTimeout(resolve, 1));
      count += given.bridge.take(call, bytes).result;
    }
    return count === 16 ? "" : "species";`,
  "lengths and methods of one's own on bytes": `
    const bytes = new Uint8Array(8).fill(1);
    for (const name of ["length", "byteLength", "byteOffset", "buffer", "set", "subarray"]) {
      Object.defineProperty(bytes, name, { get() { throw new RangeError("run"); } });
    }
    const file = await given.gate.open("zero:/", 3);
    await given.gate.settle(file);
    const { id } = given.gate.opened(file);
    const call = given.bridge.call(id, 3, bytes, 0, 0, 0, 0, 0, false, 0);
    while (!given.bridge.isDone(call)) await new Promise((resolve) => setTimeout(resolve, 1));
    return given.bridge.take(call, bytes).result === 8 && bytes[0] === 0 ? "" : "not filled";`,
  "memory that shrinks while a read is under way": `
    const memory = new ArrayBuffer(4096, { maxByteLength: 1 << 20 });
    const bytes = new Uint8Array(memory);
    const file = await given.system.open("zero:/");
    const read = file.read(bytes, 0);
    memory.resize(16);
    const count = await read;
    memory.resize(1 << 20);
    return count === 4096 ? "" : String(count);`,
  "memory that goes away while a write is under way": `
    const bytes = new Uint8Array(4096);
    const file = await given.system.open("zero:/", { mode: "write" });
    const write = file.write(bytes, 0);
    // Node 20 cannot take memory away.
    try { bytes.buffer.transfer(); } catch {}
    return (await write) === 4096 ? "" : "lost";`,

  // --- the intrinsics that all share ------------------------------------------------------------
  "what can be reached is powerless": `
    return given.power(globalThis, given.bridge, given.gate, given.context, given.system);`,
  "everything that can be reached and is not one's own is frozen": `
    const loose = [];
    const seen = new Set();
    const walk = (value, path) => {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
      if (seen.has(value)) return;
      seen.add(value);
      if (!Object.isFrozen(value)) loose.push(path);
      walk(Object.getPrototypeOf(value), path + ".__proto__");
      for (const key of Reflect.ownKeys(value)) {
        const property = Object.getOwnPropertyDescriptor(value, key);
        for (const one of [property.value, property.get, property.set]) {
          walk(one, path + "." + String(key));
        }
      }
    };
    // What the runtime has made in here is nobody else's.
    for (const name of ["Buffer", "TextEncoder", "TextDecoder", "console", "queueMicrotask",
      "setTimeout", "setInterval", "clearTimeout", "clearInterval"]) seen.add(globalThis[name]);
    seen.add(globalThis[Symbol.for("anode.gate.1")]);
    walk(globalThis, "global");
    walk(given.bridge, "bridge");
    walk(Object.getPrototypeOf(given.read.bytes), "bytes");
    const made = [function* () {}, async function* () {}, async () => 0, /x/, [].values(),
      new Map().keys(), new Set().keys(), "x".matchAll(/x/g), new Error("x")];
    for (const one of made) walk(Object.getPrototypeOf(one), "intrinsic");
    return loose.join(" ");`,
  "no intrinsic can be changed": `
    const changed = [];
    const all = [Object, Array, Map, Set, Promise, Function, String, Number, Symbol, Error, JSON,
      Math, Reflect, Uint8Array, ArrayBuffer, DataView, RegExp, Date, Proxy, WeakMap, BigInt];
    for (const one of all) {
      const above = one.prototype && Object.getPrototypeOf(one.prototype);
      for (const target of [one, one.prototype, above]) {
        if (target === undefined || target === null) continue;
        if (!Object.isFrozen(target)) changed.push(one.name ?? String(one));
        for (const key of Reflect.ownKeys(target)) {
          try { target[key] = () => "polluted"; } catch { continue; }
          if (target[key] !== undefined && String(target[key]).includes("polluted")) {
            changed.push(String(key));
          }
        }
      }
    }
    return changed.join(" ");`,
  "prototype pollution by __proto__": `
    try { ({}).__proto__.polluted = 1; } catch {}
    try { Object.assign(Object.prototype, { polluted: 1 }); } catch {}
    try { JSON.parse('{"__proto__": {"polluted": 1}}'); } catch {}
    return ({}).polluted === undefined ? "" : "polluted";`,
  "setPrototypeOf and __defineGetter__ on what is shared": `
    const done = [];
    for (const target of [Object.prototype, Array.prototype, Promise.prototype, given.bridge]) {
      try { Object.setPrototypeOf(target, { evil: 1 }); } catch {}
      if (target.evil) done.push("proto");
      try { Object.prototype.__defineGetter__.call(target, "evil", () => 1);
        if (target.evil) done.push("getter"); } catch {}
    }
    return done.join();`,
  "then of Promise.prototype": `
    try { Promise.prototype.then = () => "stolen"; } catch {}
    try { Promise.resolve = () => "stolen"; } catch {}
    return await Promise.resolve("") === "" ? "" : "stolen";`,
  "iterators of Array.prototype": `
    const next = Object.getPrototypeOf([][Symbol.iterator]());
    try { next.next = () => ({ done: true }); } catch {}
    try { Array.prototype[Symbol.iterator] = function* () {}; } catch {}
    return [...[1]].length === 1 ? "" : "changed";`,
  "the global object is frozen": `
    try { globalThis.left = 1; } catch {}
    try { Object.defineProperty(globalThis, "Uint8Array", { value: 1 }); } catch {}
    try { globalThis[Symbol.unscopables] = { eval: true }; } catch {}
    return Object.isFrozen(globalThis) && globalThis.left === undefined ? "" : "changed";`,
  "old statics of RegExp": `
    "secret".match(/sec/);
    const old = ["$1", "$_", "input", "lastMatch", "leftContext"];
    return old.filter((name) => name in RegExp).join();`,
  "symbols that everybody shares": `
    const found = ["anode.gate.1", "nodejs.util.inspect.custom", "nodejs.util.promisify.custom",
      "nodejs.rejection"].map((name) => globalThis[Symbol.for(name)]);
    return given.power(...found);`,
  "harden cannot stop the gate": `
    harden(given.bridge); harden(given.context); harden(given.read);
    const file = await given.system.open("zero:/");
    await file.close();
    return "";`,
  "accessors of what the gate hands over": `
    const found = [];
    for (const value of [given.bridge, given.bridge.stdio, given.bridge.schemes()]) {
      for (const key of Reflect.ownKeys(value)) {
        const property = Object.getOwnPropertyDescriptor(value, key);
        if (property.writable || property.configurable) found.push(String(key));
      }
    }
    return found.join();`,

  // --- the bridge -------------------------------------------------------------------------------
  "objects for numbers and strings run no code of theirs": `
    const ran = [];
    const trap = new Proxy(function () {}, new Proxy({}, { get(_target, name) {
      return (...args) => { ran.push(String(name)); return Reflect[name](...args); };
    } }));
    const odd = { valueOf() { ran.push("valueOf"); return 1; },
      toString() { ran.push("toString"); return "1"; },
      [Symbol.toPrimitive]() { ran.push("toPrimitive"); return 1; } };
    for (const name of Object.keys(given.bridge)) {
      if (name === "die" || typeof given.bridge[name] !== "function") continue;
      for (const value of [trap, odd, Symbol("x"), 10n, null, NaN, -1, 2 ** 60, "x", [], () => 1]) {
        if (name === "sleep" && typeof value === "number") continue;
        if (name === "serve") continue;
        try { given.bridge[name](...Array(10).fill(value)); }
        catch (error) { ran.push(name + ": " + error); }
      }
    }
    return ran.join(" ");`,
  "system calls that are the gate's own": `
    const body = Uint8Array.of(0x80);
    return ["connect", "disconnect", "drained", "resumed", "ready", "close-object", "load",
      "__proto__", "constructor"].filter((name) => given.bridge.syscall(name, body) >= 0).join();`,
  "operations that are the gate's own": `
    const open = given.gate.open("zero:/", 1);
    await given.gate.settle(open);
    const { id } = given.gate.opened(open);
    const passed = [];
    for (let opcode = 0; opcode < 40; opcode++) {
      const call = given.bridge.call(id, opcode, undefined, 0, 0, 0, 0, 0, false, 0);
      if (call >= 0) passed.push(opcode);
    }
    return passed.every((opcode) => [5, 6, 7, 8, 9, 10, 11, 16, 17].includes(opcode))
      ? "" : passed.join();`,
  "a name view that was made up": `
    const entry = { scheme: "file", root: "/", rights: 255, capability: 1, provider: 3 };
    const view = JSON.stringify([entry]);
    const call = given.bridge.open("file:/etc/motd", 1, view, 0);
    while (!given.bridge.isDone(call)) await new Promise((resolve) => setTimeout(resolve, 1));
    return given.bridge.take(call, undefined).result < 0 ? "" : "opened";`,
  "names that are not in the namespace": `
    const opened = [];
    const urls = ["file:/", "ram:/", "disk:/0", "serial:/", "sys:/processes", "memory:/dma/4096",
      "irq:/33", "rand:/", "pipe:/"];
    for (const url of urls) {
      try { await given.system.open(url); opened.push(url); } catch {}
    }
    return opened.join();`,
  "the functions of the bridge as constructors": `
    for (const work of Object.values(given.bridge)) {
      if (typeof work !== "function") continue;
      try { class Made extends work {} new Made(); return work.name; } catch {}
      try { return given.power(Reflect.construct(Object, [], work)) || "made"; } catch {}
    }
    return "";`,
  "the this of callbacks": `
    const found = await new Promise((resolve) => {
      const all = [];
      setTimeout(function () { all.push(this); queueMicrotask(function () { all.push(this);
        resolve(all); }); }, 0);
    });
    return found.every((one) => one === undefined) ? "" : given.power(...found) || "a this";`,
  "timers are numbers": `
    const id = setTimeout(() => 0, 0);
    clearTimeout(id);
    return typeof id === "number" ? "" : given.power(id) || typeof id;`,
  "timers run no text": `
    try { setTimeout("globalThis.x = 1", 0); return "text"; } catch { return ""; }`,
  "texts of hundreds of megabytes": `
    const long = "x".repeat(2 ** 28);
    const refused = [given.bridge.open(long, 1, "", 0), given.bridge.open("zero:/", 1, long, 0),
      given.bridge.path(12, long, undefined, "", 0), given.bridge.encodeText(long).length];
    given.bridge.log(long);
    return refused.every((result) => result <= 0) ? "" : refused.join();`,
  "too many calls and timers at once": `
    const timers = [];
    let last = 1;
    for (let i = 0; i < 6000 && last > 0; i++) { last = given.bridge.setTimer(1e6, false);
      if (last > 0) timers.push(last); }
    for (const id of timers) given.bridge.clearTimer(id);
    return last < 0 && timers.length <= 4096 ? "" : "no bound";`,
};
