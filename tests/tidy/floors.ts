/**
 * The floors: who may import whom, as tables. A file may import from its own folder and from what
 * its line here names; types and worker paths count too. tests/, bench/ and examples/ see all.
 */

import { posix } from "node:path";
import { type Finding, outside, type Rule, within } from "./rule.js";
import type { Source } from "./source.js";

/** The first line that fits a path is its floor. */
const FLOORS: readonly { folder: string; below: readonly string[] }[] = [
  { folder: "ipc/", below: [] },
  { folder: "hw/regs/", below: ["ipc/"] },
  { folder: "hw/", below: ["ipc/"] },
  { folder: "kernel/", below: ["ipc/"] },
  { folder: "user/", below: ["ipc/"] },
  { folder: "drivers/", below: ["user/", "hw/regs/", "ipc/"] },
  { folder: "schemes/", below: ["user/", "ipc/"] },
  {
    folder: "cli/",
    below: ["schemes/", "drivers/", "user/", "kernel/", "hw/", "ipc/", "package.json"],
  },
];

/** The one place of each package. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  acorn: ["kernel/confined/"],
  commander: ["cli/"],
  msgpackr: ["ipc/"],
  pino: ["kernel/"],
  piscina: ["cli/"],
  semver: ["kernel/", "cli/"],
  ses: ["kernel/gate/confined/"],
  zod: ["kernel/", "cli/"],
};

/** Node's modules that reach the host, and who may use them. */
const HOST_MODULES =
  /^(?:fs|net|child_process|cluster|dgram|dns|http|http2|https|readline|repl|tls|tty)(?:\/|$)/;
const HOST_PLACES = ["hw/backends/", "cli/"];
/**
 * The gate reads its own thread id in /proc, the watchdog how long a thread has run, the linker the
 * modules of code that has no files.
 */
const HOST_EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  fs: ["kernel/gate/", "kernel/confined/linker.ts"],
  "fs/promises": ["kernel/watchdog.ts"],
};

interface Import {
  index: number;
  specifier: string;
}

/** Everything that a file names by module specifier: imports, re-exports, types, worker paths. */
function importsOf({ code, text }: Source): Import[] {
  const named = /(?:\b(?:from|import)|\bimport\s*\(|\bnew\s+URL\s*\()\s*["'`]( *)["'`]/dg;
  const all = [...code.matchAll(named)].map((match) => {
    const [start, end] = match.indices?.[1] ?? [0, 0];
    return { index: match.index, specifier: text.slice(start, end) };
  });
  // Data beside the code: manifests are found by URL, nobody links them.
  return all.filter(({ specifier }) => !specifier.endsWith(".json"));
}

function perImport(judge: (path: string, specifier: string) => string | undefined) {
  return (source: Source): Finding[] =>
    importsOf(source).flatMap(({ index, specifier }) => {
      const says = judge(source.path, specifier);
      return says === undefined ? [] : [{ index, says }];
    });
}

const seesAll = within("tests/", "bench/", "examples/");

const floors: Rule = {
  name: "a file imports only from its own folder and the floors below",
  where: (path) => !seesAll(path),
  find: perImport((path, specifier) => {
    if (!specifier.startsWith(".")) return undefined;
    const target = posix.join(posix.dirname(path), specifier);
    const floor = FLOORS.find(({ folder }) => path.startsWith(folder));
    if (floor === undefined) return `${path} is on no floor; move it into one of the folders`;
    const allowed = [floor.folder, ...floor.below];
    if (within(...allowed)(target)) return undefined;
    const sees = `${floor.folder} may not import ${target}, it sees ${allowed.join(", ")}`;
    return `${sees}; move what both need to a floor that both see, or pass it in`;
  }),
  bad: [
    ["ipc/ring.ts", 'import { boot } from "../kernel/boot.js";'],
    ["hw/bus.ts", 'import type { Process } from "../kernel/process.js";'],
    ["hw/regs/pl011.ts", 'import { Bus } from "../bus.js";'],
    ["kernel/loader.ts", 'const gate = new URL("../user/start.js", import.meta.url);'],
    ["kernel/loader.ts", 'type Files = import("../schemes/fsd/files.js").Files;'],
    ["user/file.ts", 'export { gate } from "../kernel/gate/gate.js";'],
    ["drivers/uartd/main.ts", 'import { Bus } from "../../hw/bus.js";'],
    ["schemes/fsd/main.ts", 'import { queue } from "../../drivers/virtio/queue.js";'],
    ["cli/boot.ts", 'import { sample } from "../tests/sample.js";'],
  ],
  good: [
    ["drivers/uartd/main.ts", 'import { UARTFR } from "../../hw/regs/pl011.js";'],
    ["schemes/fsd/main.ts", 'import { serve } from "../../user/scheme.js";'],
    ["schemes/fsd/tree.ts", 'import { block } from "./block.js"; // not "../../kernel/a.js"'],
    ["cli/boot.ts", 'const kernel = new URL("../kernel/thread.js", import.meta.url);'],
    ["tests/boot.test.ts", 'import { Bus } from "../hw/bus.js";'],
  ],
};

const packages: Rule = {
  name: "every package has one place",
  where: (path) => !seesAll(path),
  find: perImport((path, specifier) => {
    if (/^(?:\.|node:|file:)/.test(specifier)) return undefined;
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
    const places = PACKAGES[name];
    if (places !== undefined && within(...places)(path)) return undefined;
    const place = places ? `its place in ${places.join(", ")}` : "no place yet";
    return `package ${name} has ${place}; use it there, or change the table in floors.ts`;
  }),
  bad: [
    ["drivers/uartd/main.ts", 'import { z } from "zod";'],
    ["ipc/codec.ts", 'import fs from "fs";'],
    ["kernel/loader.ts", 'import { Piscina } from "piscina";'],
  ],
  good: [
    ["kernel/manifest.ts", 'import { z } from "zod";'],
    ["ipc/codec.ts", 'import { pack } from "msgpackr/pack";'],
    ["tests/ring.test.ts", 'import fc from "fast-check";'],
  ],
};

const host: Rule = {
  name: "only hw/backends and cli touch the host's files, sockets and terminal",
  where: (path) => !seesAll(path) && outside(...HOST_PLACES)(path),
  find: perImport((path, specifier) => {
    if (!specifier.startsWith("node:")) return undefined;
    const module = specifier.slice("node:".length);
    if (!HOST_MODULES.test(module)) return undefined;
    if (within(...(HOST_EXCEPTIONS[module] ?? []))(path)) return undefined;
    return `${specifier} reaches the host; that is for hw/backends/, everyone else opens a scheme`;
  }),
  bad: [
    ["schemes/fsd/main.ts", 'import { readFileSync } from "node:fs";'],
    ["hw/bus.ts", 'import { open } from "node:fs/promises";'],
    ["kernel/gate/entry.ts", 'import net from "node:net";'],
    ["user/bin/cat.ts", 'const { spawn } = await import("node:child_process");'],
  ],
  good: [
    ["hw/backends/image.ts", 'import { openSync } from "node:fs";'],
    ["cli/lock.ts", 'import net from "node:net";'],
    ["kernel/gate/thread-id.ts", 'import { readlinkSync } from "node:fs";'],
    ["kernel/loader.ts", 'import { Worker } from "node:worker_threads";'],
  ],
};

export const FLOOR_RULES: readonly Rule[] = [floors, packages, host];
