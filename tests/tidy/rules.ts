/**
 * The style sheet as a table of rules. Each rule stands with the samples that prove it: `bad` ones
 * must be flagged and `good` ones pass, else the test of the rule itself fails. To add a rule, add
 * an entry with samples of both kinds; its message names the replacement.
 */

import { posix } from "node:path";
import { FLOOR_RULES } from "./floors.js";
import { functionSizes } from "./functions.js";
import { everywhere, type Finding, outside, pattern, type Rule, within } from "./rule.js";

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;
const SLEEP_MS_MAX = 100;

/** Files that are still too long, with their length. It only ever shrinks; it is empty. */
const RATCHET: Readonly<Record<string, number>> = {};

const BANNED_WORD = /^(?:manager|helper|util|utility|utilitie|common|misc|base)s?$/i;
const BANNED_SAYS = "says nothing; name the concept in the field's words (ring, loader, path …)";

/** Statements as they look when commented out: they begin like code and end like code. */
const CODE = new RegExp(
  [
    String.raw`^(?:const|let|import|export|return|throw|await|if|for|while)\b.*[;{]$`,
    String.raw`^[\w.#]+\(.*\);$`,
    String.raw`^[\w.#[\]]+ [-+|&]?= .*;$`,
    String.raw`^\}[;,)]*$`,
  ].join("|"),
);

const size: readonly Rule[] = [
  {
    name: "a file is at most 500 lines",
    where: everywhere,
    find({ path, text }) {
      const lines = text.split("\n").length - 1;
      const max = RATCHET[path] ?? FILE_LINES_MAX;
      if (lines > max) {
        return [{ index: 0, says: `${lines} lines, the limit is ${max}; one file, one concept` }];
      }
      if (path in RATCHET && lines < max) {
        return [{ index: 0, says: `shrunk to ${lines} lines; lower its ratchet in rules.ts` }];
      }
      return [];
    },
    bad: [["kernel/a.ts", "\n".repeat(501)]],
    good: [["kernel/a.ts", "\n".repeat(500)]],
  },
  {
    name: "a function is at most 70 lines of its own",
    where: everywhere,
    find: (source) =>
      functionSizes(source)
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(({ index, lines }) => ({
          index,
          says: `${lines} lines, the limit is ${FUNCTION_LINES_MAX}; split off what has a name`,
        })),
    bad: [
      ["kernel/a.ts", `function f() {${"\nstep();".repeat(71)}\n}`],
      ["kernel/a.ts", `const f = async (a: X): Promise<Map<A, B>> => {${"\na();".repeat(71)}\n};`],
      ["kernel/a.ts", `class A {\n  #m(a: X = {}): { b: C } {${"\na();".repeat(71)}\n}\n}`],
      ["kernel/a.ts", `function f(a: X): a is Y | undefined {${"\nif (a) {}".repeat(71)}\n}`],
      ["kernel/a.ts", `f(() => {\nswitch (a) { case 1: {${"\na();".repeat(71)} } }\n});`],
    ],
    good: [
      ["kernel/a.ts", `const table = {${"\na: 1,".repeat(99)}\n};`],
      ["kernel/a.ts", `class A {${"\nm() { return 1; }".repeat(99)}\n}`],
      ["kernel/a.ts", `function f() { switch (a) {${"\ncase A: return 1;".repeat(99)}\n} }`],
      ["kernel/a.ts", `function f() {\nreturn {${"\nm() {\na();\nb();\n},".repeat(60)}\n};\n}`],
    ],
  },
  {
    name: "a line is at most 100 columns",
    where: everywhere,
    find({ text }) {
      const findings: Finding[] = [];
      let index = 0;
      for (const line of text.split("\n")) {
        const columns = [...line].length;
        if (columns > COLUMNS_MAX) {
          findings.push({ index, says: `${columns} columns; break it at ${COLUMNS_MAX}` });
        }
        index += line.length + 1;
      }
      return findings;
    },
    bad: [["kernel/a.ts", "x".repeat(101)]],
    good: [["kernel/a.ts", "…".repeat(100)]],
  },
];

const names: readonly Rule[] = [
  {
    name: "file and folder names are kebab-case",
    where: everywhere,
    find: ({ path }) =>
      /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.ts$/.test(path)
        ? []
        : [{ index: 0, says: "the path is not kebab-case; rename it like virtio-blkd/queue.ts" }],
    bad: [
      ["kernel/nameSpace.ts", ""],
      ["drivers/virtio_blkd/main.ts", ""],
    ],
    good: [
      ["drivers/virtio-blkd/main.ts", ""],
      ["tests/ring.test.ts", ""],
    ],
  },
  {
    name: "file names have no Manager, Helper, Util, Common, Misc, Base",
    where: everywhere,
    find: ({ path }) =>
      path
        .split(/[-./]/)
        .filter((word) => BANNED_WORD.test(word))
        .map((word) => ({ index: 0, says: `"${word}" in a file name ${BANNED_SAYS}` })),
    bad: [
      ["kernel/process-manager.ts", ""],
      ["tests/helpers/boot.ts", ""],
      ["user/utils.ts", ""],
    ],
    good: [["kernel/database.ts", ""]],
  },
  {
    name: "exported types have no Manager, Helper, Util, Common, Misc, Base",
    where: everywhere,
    find: ({ code }) =>
      [...code.matchAll(/\bexport\s+(?:abstract\s+)?(?:class|interface|type)\s+(\w+)/g)].flatMap(
        (match) =>
          (match[1]?.match(/[A-Z]?[a-z0-9]+/g) ?? [])
            .filter((word) => BANNED_WORD.test(word))
            .map((word) => ({ index: match.index, says: `"${word}" in a type ${BANNED_SAYS}` })),
      ),
    bad: [
      ["kernel/a.ts", "export class ProcessManager {}"],
      ["hw/a.ts", "export abstract class BaseDevice {}"],
      ["user/a.ts", "export type FileUtils = object;"],
    ],
    good: [["kernel/a.ts", "export interface Database { base: number }"]],
  },
];

const errors: readonly Rule[] = [
  pattern({
    name: "operating errors are errno constants",
    where: within("ipc/", "kernel/", "user/", "drivers/", "schemes/"),
    pattern: /\bnew\s+(?:Type|Range|Aggregate)?Error\s*\(/g,
    says: "a bare Error; throw an errno constant of ipc/errno.ts, or assert() if it is a bug",
    bad: [
      ["kernel/a.ts", 'throw new Error("no such scheme");'],
      ["user/a.ts", "throw new RangeError();"],
    ],
    good: [
      ["kernel/a.ts", "if (!found) throw ENODEV;"],
      ["user/a.ts", "throw new SysError(ENOENT, { url });"],
      ["cli/a.ts", 'throw new Error("usage");'],
    ],
  }),
  pattern({
    name: "no TODO, FIXME, XXX, HACK",
    where: everywhere,
    view: "comments",
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    says: "a mark for later; do it now, or open an issue and describe today's limit in a sentence",
    bad: [
      ["kernel/a.ts", "// TODO: check rights"],
      ["tests/a.test.ts", "/* FIXME */"],
    ],
    good: [["kernel/a.ts", 'const text = "TODO";']],
  }),
  {
    name: "no commented-out code",
    where: everywhere,
    find: ({ text, comments }) =>
      [...comments.matchAll(/^ *\/\/ *(.*)$/gm)]
        .filter(({ 0: line, index }) => text.startsWith(line, index))
        .filter((match) => CODE.test(match[1] ?? ""))
        .map(({ index }) => ({ index, says: "code in a comment; delete it, git keeps it" })),
    bad: [
      ["kernel/a.ts", "  // const ring = open(channel);"],
      ["kernel/a.ts", "// ring.push(sqe);"],
      ["kernel/a.ts", "// this.#count += 1;"],
      ["kernel/a.ts", "// }"],
    ],
    good: [
      ["kernel/a.ts", "// Return the slot only when its completion was taken."],
      ["kernel/a.ts", "ring.push(sqe); // const is not enough here;"],
      ["kernel/a.ts", "/** An example:\n * ring.push(sqe);\n */"],
    ],
  },
];

const ACCESSOR = String.raw`\.(?:get|set|read|write)(?:Big)?(?:U?Int|Float|Double)\d*(?:[LB]E)?`;
const LITERAL_OFFSET = String.raw`\(\s*(?:[\w.#]+\s*\+\s*)?(?:0x[\da-f]+|\d+)\s*[,)]`;

const bytes: readonly Rule[] = [
  pattern({
    name: "offsets come from layouts",
    // Layouts are the offsets; msgpack describes itself byte by byte; models follow datasheets.
    where: outside("ipc/layout.ts", "ipc/codec.ts", "hw/", "tests/", "bench/", "examples/"),
    pattern: new RegExp(`${ACCESSOR}${LITERAL_OFFSET}`, "gi"),
    says: "an offset literal; declare the bytes with layout() and use FIELD.offset",
    bad: [
      ["kernel/a.ts", "view.getUint32(12, true);"],
      ["drivers/a/main.ts", "view.setBigUint64(at + 0x10, value, true);"],
      ["schemes/a/main.ts", "buffer.readUInt32LE(4);"],
    ],
    good: [
      ["kernel/a.ts", "view.getUint32(at + SQE.tag.offset, true);"],
      ["hw/virtio-blk.ts", "view.getUint32(12, true);"],
    ],
  }),
];

const language: readonly Rule[] = [
  pattern({
    name: "no any",
    where: everywhere,
    pattern: /(?:[:<|&,(=>]|\bas|\bextends)\s*any\b(?=\s*(?:[;,)>|&=}[\]]|$))/gm,
    says: "any; use unknown and narrow it, or a type parameter",
    bad: [
      ["kernel/a.ts", "let body: any;"],
      ["kernel/a.ts", "const a = b as any;"],
      ["kernel/a.ts", "new Map<string, any>();"],
      ["kernel/a.ts", "let list: any[] = [];"],
    ],
    good: [["tests/a.test.ts", "expect.any(Number); const a = { any: 1 };"]],
  }),
  pattern({
    name: "no enums",
    where: everywhere,
    pattern: /\benum\s+\w+\s*\{/g,
    says: 'an enum; use a union of strings ("running" | "stopped"), or constants',
    bad: [["kernel/a.ts", "export const enum State { Running }"]],
    good: [["kernel/a.ts", "const enumerated = { a: 1 };"]],
  }),
  pattern({
    name: "no TypeScript namespaces",
    where: everywhere,
    pattern: /^\s*(?:export\s+|declare\s+)*(?:namespace|module)\s+[\w.]+\s*\{/gm,
    says: "a namespace; a file is a module",
    bad: [["kernel/a.ts", "export namespace Rings {}"]],
    good: [["kernel/a.ts", "const namespace = { file };"]],
  }),
  pattern({
    name: "default exports only where a loader asks for one",
    where: (path) =>
      outside("tests/", "bench/", "examples/", "user/bin/")(path) &&
      posix.basename(path) !== "main.ts",
    pattern: /\bexport\s+default\b|\bas\s+default\b/g,
    says: "a default export; export it by name (only main.ts and user/bin/ have a default)",
    bad: [
      ["kernel/a.ts", "export default function boot() {}"],
      ["schemes/zero/scheme.ts", "export { zero as default };"],
    ],
    good: [
      ["schemes/zero/main.ts", "export default zero;"],
      ["user/bin/cat.ts", "export default function cat() {}"],
    ],
  }),
  pattern({
    name: "no Proxy",
    where: everywhere,
    pattern: /\bnew\s+Proxy\s*\(/g,
    says: "a Proxy; write the object out",
    bad: [["user/a.ts", "return new Proxy(file, {});"]],
    good: [["user/a.ts", "return new ProxyAgent(file);"]],
  }),
];

const authority: readonly Rule[] = [
  pattern({
    name: "workers are created in one place each",
    where: outside(
      "kernel/loader.ts",
      "kernel/confined/link-worker.ts",
      "hw/backends/",
      "hw/thread.ts",
      "cli/",
      "tests/",
      "bench/",
      "examples/",
    ),
    pattern: /\bnew\s+Worker\s*\(/g,
    says: "a worker; kernel/loader.ts creates those of processes, hw/backends/ and cli/ their own",
    bad: [
      ["kernel/supervisor.ts", "const worker = new Worker(url);"],
      ["drivers/uartd/main.ts", "new Worker(url);"],
    ],
    good: [
      ["kernel/loader.ts", "const worker = new Worker(url);"],
      ["hw/backends/image-threads.ts", "new Worker(url);"],
    ],
  }),
  pattern({
    name: "no console and no terminal outside cli and the back ends",
    where: outside("cli/", "hw/backends/", "tests/", "bench/", "examples/"),
    pattern: /\bconsole\.\w+|\bprocess\.(?:stdin|stdout|stderr)\b/g,
    says: "the host's terminal; programs write to their standard output, daemons to log:",
    bad: [
      ["kernel/a.ts", 'console.log("here");'],
      ["user/bin/cat.ts", "process.stdout.write(bytes);"],
    ],
    good: [
      ["cli/anode.ts", "console.log(version);"],
      ["hw/backends/terminal.ts", "process.stdin.setRawMode(true);"],
    ],
  }),
  pattern({
    name: "configuration is the manifest, not the environment",
    where: outside("cli/", "ipc/msgpackr-env.ts", "tests/", "bench/", "examples/"),
    pattern: /\bprocess\.env\b/g,
    says: "an environment variable; take an option, or a field of the manifest",
    bad: [["kernel/a.ts", "if (process.env.DEBUG) trace();"]],
    good: [
      ["cli/anode.ts", "const color = process.env.NO_COLOR === undefined;"],
      // A switch of msgpackr's that has no other form.
      ["ipc/msgpackr-env.ts", 'process.env["MSGPACKR_NATIVE_ACCELERATION_DISABLED"] = "true";'],
    ],
  }),
  pattern({
    name: "randomness comes in as a parameter",
    where: everywhere,
    pattern: /\bMath\.random\b/g,
    says: "Math.random; take a seeded generator, and print the seed when a test fails",
    bad: [["tests/a.test.ts", "const at = Math.random();"]],
    good: [["tests/a.test.ts", "const at = random();"]],
  }),
  pattern({
    name: "daemons and devices keep no state at module level",
    where: within("drivers/", "schemes/", "hw/"),
    pattern: /^(?:export )?(?:let|var)\b/gm,
    says: "module state; move it into the factory, so that a new incarnation starts clean",
    bad: [["drivers/uartd/main.ts", "let count = 0;"]],
    good: [["drivers/uartd/main.ts", "function uart() {\n  let count = 0;\n}"]],
  }),
];

const reading: readonly Rule[] = [
  {
    name: "a file opens with a paragraph",
    where: everywhere,
    find: ({ text, comments }) => {
      const start = text.startsWith("#!") ? text.indexOf("\n") + 1 : 0;
      const comment = /^\s*(\/\*\*?[^]*?\*\/|(?:\/\/[^\n]*\n?)+)/.exec(comments.slice(start))?.[1];
      const opens = /^\s*\/[/*]/.test(text.slice(start));
      const words = comment?.match(/[\p{L}\p{N}]+/gu) ?? [];
      if (opens && words.length >= 4) return [];
      return [{ index: start, says: "no opening comment; say what the file is, what must hold" }];
    },
    bad: [
      ["kernel/a.ts", 'import { a } from "./b.js";\n// This comment comes too late.'],
      ["kernel/a.ts", "/** Ring. */\n"],
    ],
    good: [
      ["kernel/a.ts", "/** A ring of requests between two threads. */\n"],
      ["cli/anode.ts", "#!/usr/bin/env node\n// The `anode` command: reads arguments.\n"],
    ],
  },
];

const SLEEP =
  /(?:\bsetTimeout\(\s*\w+\s*,|\bawait\s+(?:setTimeout|sleep|delay|pause|wait)\()\s*([\d_]+)/g;

const tests: readonly Rule[] = [
  {
    name: "tests wait for conditions, they don't sleep",
    where: within("tests/", "examples/"),
    find: ({ code }) =>
      [...code.matchAll(SLEEP)]
        .filter((match) => Number(match[1]?.replaceAll("_", "")) >= SLEEP_MS_MAX)
        .map((match) => ({
          index: match.index,
          says: "a sleep; wait for a condition with a deadline",
        })),
    bad: [
      ["tests/a.test.ts", "await new Promise((resolve) => setTimeout(resolve, 200));"],
      ["tests/a.test.ts", "await setTimeout(1_000);"],
      ["tests/a.test.ts", "await sleep(100);"],
    ],
    good: [
      ["tests/a.test.ts", "await setTimeout(5);"],
      ["tests/a.test.ts", 'setTimeout(() => reject(new Error("late")), 5_000);'],
    ],
  },
  pattern({
    name: "no test is left alone or left open",
    where: within("tests/", "examples/"),
    pattern: /\b(?:it|test|describe)\.(?:only|todo)\b/g,
    says: "only/todo; run all tests, and write the one that is missing",
    bad: [["tests/a.test.ts", 'test.only("ring", () => {});']],
    good: [["tests/a.test.ts", 'test("ring: only one side writes", () => {});']],
  }),
];

export const RULES: readonly Rule[] = [
  ...FLOOR_RULES,
  ...size,
  ...names,
  ...errors,
  ...bytes,
  ...language,
  ...authority,
  ...reading,
  ...tests,
];
