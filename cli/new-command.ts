/**
 * `anode new scheme NAME`: a folder with a daemon that works, its manifest, a crash-isolation test
 * and what builds them. The templates are here too: what they show is what docs/daemons.md
 * explains.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ABI_VERSION } from "../ipc/abi.js";
import { EEXIST, EINVAL } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";
import { checkManifest } from "../kernel/manifest-schema.js";
import { builtinPackages } from "./packages.js";
import { packageVersion } from "./version.js";

/** Options of the command line. */
export interface NewOptions {
  /** Folder to make; default: the name. */
  dir?: string;
  /** JavaScript instead of TypeScript. */
  js: boolean;
}

/** Schemes that the kernel serves itself, or keeps for itself. */
const KERNEL_SCHEMES = ["event", "irq", "log", "memory", "pipe", "sys", "time"];
/** Versions that the templates were tried with. */
const TYPESCRIPT = "^7.0.2";
const VITEST = "^4.1.12";
const NODE_TYPES = "^20.19.43";

/** Makes the folder and says what to do next, or what was wrong. Returns the exit status. */
export function newSchemeCommand(name: string, options: NewOptions): number {
  try {
    makeScheme(name, options);
    return 0;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    process.stderr.write(`anode: ${error.message}\n`);
    return 1;
  }
}

/**
 * @throws SysError EINVAL for a name that no daemon can have, EEXIST for a folder that is in use
 */
function makeScheme(name: string, options: NewOptions): void {
  checkName(name);
  const folder = resolve(options.dir ?? name);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    const hint = `${folder} is not empty; nothing was written. Choose another with --dir`;
    throw new SysError(EEXIST, { operation: "new scheme", hint });
  }
  const files = options.js ? javascriptFiles(name) : typescriptFiles(name);
  files["package.json"] = json(packageOf(name, options.js, folder));
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(folder, file), text, { flag: "wx" });
  }
  const shown = relative("", folder) || ".";
  process.stdout.write(nextSteps(shown, name, Object.keys(files)));
}

function checkName(name: string): void {
  const taken = builtinPackages().flatMap(({ manifest }) => [manifest.name, ...manifest.provides]);
  if ([...taken, ...KERNEL_SCHEMES].includes(name)) {
    const hint = `the name ${name} is taken by Anode's own; choose another`;
    throw new SysError(EEXIST, { operation: "new scheme", hint });
  }
  try {
    checkManifest(manifestOf(name), ABI_VERSION);
  } catch {
    // A name that is neither: the rule is the manifest schema's, the words are for this command.
    const rule = "a name begins with a lower-case letter, goes on with letters, digits and hyphens";
    const hint = `"${name}" cannot be a scheme: ${rule}, and has 31 characters at most`;
    throw new SysError(EINVAL, { operation: "new scheme", hint });
  }
}

function manifestOf(name: string): Record<string, unknown> {
  return {
    $schema: "./node_modules/anode-os/docs/anode.schema.json",
    name,
    version: "0.1.0",
    abi: "^1.0",
    entry: "./scheme.js",
    provides: [name],
    needs: { "log:": "write" },
    restart: "permanent",
  };
}

function packageOf(name: string, js: boolean, folder: string): unknown {
  const typescript = { "@types/node": NODE_TYPES, typescript: TYPESCRIPT };
  const scripts = js
    ? { start: "anode boot --load .", test: "vitest run" }
    : {
        build: "tsc",
        start: "npm run --silent build && anode boot --load dist",
        test: "npm run --silent build && vitest run --dir dist",
      };
  return {
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts,
    dependencies: { "anode-os": ownSource(dirname(folder)) },
    devDependencies: { ...(js ? {} : typescript), vitest: VITEST },
  };
}

/**
 * Where the new package gets `anode-os` from: where the project around it does; else the checkout
 * that this command runs from; else the registry.
 */
function ownSource(start: string): string {
  for (let at = start; ; at = dirname(at)) {
    const found = dependencyIn(at);
    if (found?.startsWith("file:") === true) return `file:${resolve(at, found.slice(5))}`;
    if (found !== undefined) return found;
    if (at === dirname(at)) break;
  }
  // This file runs as dist/cli/new-command.js.
  const own = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");
  return own.includes("node_modules") ? `^${packageVersion()}` : `file:${own}`;
}

function dependencyIn(folder: string): string | undefined {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  const found = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, string>>;
  return found["dependencies"]?.["anode-os"] ?? found["devDependencies"]?.["anode-os"];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function nextSteps(folder: string, name: string, files: readonly string[]): string {
  return `${folder}: ${files.toSorted().join(", ")}

Next:
  ${folder === "." ? "" : `cd ${folder} && `}npm install
  npm test                            # kills the daemon in the middle of a read
  npm start -- -c 'cat ${name}:/hello'
`;
}

function typescriptFiles(name: string): Record<string, string> {
  return {
    "anode.json": json(manifestOf(name)),
    "scheme.ts": schemeSource(name, true),
    "scheme.test.ts": testSource(name),
    "tsconfig.json": TSCONFIG,
    "README.md": readme(name, "scheme.ts"),
    ".gitignore": "dist/\nnode_modules/\n",
  };
}

function javascriptFiles(name: string): Record<string, string> {
  return {
    "anode.json": json(manifestOf(name)),
    "scheme.js": schemeSource(name, false),
    "scheme.test.js": testSource(name),
    "README.md": readme(name, "scheme.js"),
    ".gitignore": "node_modules/\n",
  };
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "types": ["node"],
    "rootDir": ".",
    "outDir": "dist",
    "resolveJsonModule": true,
    "skipLibCheck": true,
    "strict": true
  },
  "include": ["*.ts", "anode.json"]
}
`;

function schemeSource(name: string, typed: boolean): string {
  return `/** \`${name}:/hello\` reads a greeting, \`${name}:/\` lists what there is. */

import { copyAt, EISDIR, ENOENT, ENOTDIR, log, opened, serve } from "anode-os/scheme";

const FILES = new Map([["hello", "hello from ${name}\\n"]]);

await serve${typed ? "<{ text: string | undefined }>" : ""}({
  open(path) {
    const text = FILES.get(path.slice(1));
    if (text === undefined && path !== "/") throw ENOENT;
    // positioned: reads may be repeated after a death.
    // identity: the same object, whichever incarnation serves it.
    return opened({ text }, { positioned: true, identity: { object: path, generation: 0 } });
  },
  read({ text }, bytes, offset) {
    if (text === undefined) throw EISDIR;
    return copyAt(text, bytes, offset);
  },
  fstat({ text }) {
    if (text === undefined) return { kind: "directory", size: 0, mode: 0o555 };
    return { kind: "file", size: Buffer.byteLength(text), mode: 0o444 };
  },
  getdents({ text }, cursor) {
    if (text !== undefined) throw ENOTDIR;
    const kind = "file"${typed ? " as const" : ""};
    return [...FILES.keys()].map((name, i) => ({ name, kind, next: i + 1 })).slice(cursor);
  },
});
log("serving");
`;
}

function testSource(name: string): string {
  return `/** Kills the daemon in the middle of a read: its client must not notice. */

import { bootForTest } from "anode-os/testing";
import { expect, test } from "vitest";

const timeout = 30_000;

test("${name}: a death in the middle of a read goes unnoticed", { timeout }, async () => {
  const os = await bootForTest();
  try {
    await os.load(new URL("./", import.meta.url));
    const file = await os.open("${name}:/hello");
    let over = false;
    const death = os.killAt("${name}", "dequeued").finally(() => {
      over = true;
    });
    // Reads are in flight until the death is over.
    while (!over) {
      file.position = 0;
      expect((await file.readAll()).toString()).toBe("hello from ${name}\\n");
    }
    expect((await death).at).toBe("dequeued");
    await file.close();
  } finally {
    await os.close();
  }
});
`;
}

function readme(name: string, source: string): string {
  return `# ${name}

A scheme daemon for Anode. \`${source}\` is the daemon, \`anode.json\` says what it provides and
needs.

    npm install
    npm test
    npm start -- -c 'ls ${name}:/; cat ${name}:/hello'

How to go on: \`node_modules/anode-os/docs/daemons.md\`.
`;
}
