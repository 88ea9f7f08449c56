/**
 * Modules mean the same in a compartment as they do to the engine: each text runs both ways, and
 * its default export must be equal.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";

const above = mkdtempSync(join(tmpdir(), "anode-modules-"));
afterAll(() => {
  rmSync(above, { recursive: true, force: true });
});

/** The default export of `entry`. */
async function run(entry: string, confined: boolean): Promise<unknown> {
  const own = new URL("../../", import.meta.url).href;
  const worker = new Worker(new URL("./realm-worker.js", import.meta.url), {
    workerData: { entry, own, confined },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  } finally {
    await worker.terminate();
  }
}

/** Name → files. `main.js` exports what is compared as its default. */
const PACKAGES: Readonly<Record<string, Record<string, string>>> = {
  "named, default and namespace imports": {
    "main.js": `import one, { two as deux, three } from "./a.js"; import * as all from "./a.js";
      export default [one, deux, three(), Object.keys(all), all.two, all[Symbol.toStringTag]];`,
    "a.js": `export default 1; export const two = 2; export function three() { return two + 1; }`,
  },
  "a default that is an expression, before a line that looks like a call": {
    "main.js": `import f from "./a.js"; export default [f(), f.name === "f"];`,
    "a.js": `export default () => 5\n;(function () {})();`,
  },
  "default classes and functions without names": {
    "main.js": `import C from "./a.js"; import f from "./b.js"; export default [new C().x, f()];`,
    "a.js": `export default class { x = 1 }`,
    "b.js": `export default function () { return 2; }`,
  },
  "destructured exports": {
    "main.js": `import { a, b, rest, d } from "./a.js"; export default [a, b, rest, d];`,
    "a.js": `export const { a, b: [b], ...rest } = { a: 1, b: [2], c: 3 }; export let d = 4;`,
  },
  "bindings that live": {
    "main.js": `import { count, more, f } from "./a.js"; const before = [count, f()]; more();
      export default [before, count, f()];`,
    "a.js": `export let count = 0; export function f() { return "old"; }
      export function more() { count += 1; f = () => "new"; }`,
  },
  "names that are passed on": {
    "main.js": `import { x, y, z, own } from "./a.js"; import * as all from "./a.js";
      export default [x, y, z.x, own, Object.keys(all)];`,
    "a.js": `export { x } from "./b.js"; import { y } from "./b.js"; export { y };
      export * as z from "./b.js"; export * from "./c.js"; export const own = "a";`,
    "b.js": `export const x = 1; export let y = 2; export default 3;`,
    "c.js": `export const own = "c"; export const other = "c"; export default 4;`,
  },
  "a cycle of functions": {
    "main.js": `import { even } from "./even.js"; export default [even(10), even(7)];`,
    "even.js": `import { odd } from "./odd.js";
      export function even(n) { return n === 0 || odd(n - 1); }`,
    "odd.js": `import { even } from "./even.js";
      export function odd(n) { return n !== 0 && even(n - 1); }`,
  },
  "await at the top": {
    "main.js": `import { later } from "./a.js"; export default [later, await Promise.resolve(2)];`,
    "a.js": `export const later = await new Promise((resolve) => { resolve(1); });`,
  },
  "text that looks like what is not there": {
    "main.js": `// import("node:fs") and <!-- this -->
      /* import.meta */ const s = "import('x') <!-- -->"; const t = \`import(\${1}) -->\`;
      const r = /import\\(<!--/.test("import(<!--"); let n = 3; const steps = [];
      while (n-->0) steps.push(n);
      export default [s, t, r, steps];`,
  },
  "strings with escapes beside such text": {
    "main.js": `export default ["\\u0041import (", 'it\\'s import("x")', "line\\
import('y')", \`\\\`import("z")\`];`,
  },
  "this, arguments and names of the wrapper": {
    "main.js": `import { shadow } from "./a.js"; function f(shadow) { return shadow; }
      const g = ({ shadow: x = shadow }) => x; { const shadow = 3; f(shadow); }
      export default [this === undefined, f(9), g({}), { shadow }, typeof shadow];`,
    "a.js": `export const shadow = 1;`,
  },
  "one module for all who import it": {
    "main.js": `import { a } from "./a.js"; import { b } from "./b.js"; export default [a === b];`,
    "a.js": `export { it as a } from "./c.js";`,
    "b.js": `export { it as b } from "./sub/../c.js";`,
    "c.js": `export const it = {};`,
    "sub/empty.js": "",
  },
  "names beyond ASCII": {
    "main.js": `import { größe as größer } from "./a.js"; export default [größer];`,
    "a.js": `export const größe = 1; export { größe as "in quotes" };`,
  },
};

describe("linked modules", () => {
  for (const [index, [name, files]] of Object.entries(PACKAGES).entries()) {
    it(`${name}: the same as the engine's own`, async () => {
      const folder = join(above, String(index));
      mkdirSync(join(folder, "sub"), { recursive: true });
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
      const entry = pathToFileURL(join(folder, "main.js")).href;
      const [plain, confined] = await Promise.all([run(entry, false), run(entry, true)]);
      expect(plain).toBeInstanceOf(Array);
      expect(confined).toEqual(plain);
    });
  }
});
