/**
 * The linker: reads the modules that an entry imports, statically, and prepares them for a
 * compartment. Relative imports stay inside of the package's own folder (symbolic links included)
 * or lead into Anode's own modules, which hold no authority; bare ones are the names of Anode's
 * public modules. Nothing that is read here runs here.
 */

import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { LinkedModule, ModuleExport } from "../../ipc/confined.js";
import { type ModuleText, moduleText, refuse } from "./module-text.js";

/** Modules and bytes of one package at most. */
const MODULES_MAX = 512;
const SOURCE_BYTES_MAX = 4 * 1024 * 1024;

/** Where modules may come from. */
export interface LinkRules {
  /** URL of Anode's own compiled tree; ends with `/`. */
  own: string;
  /** Bare specifiers and the URLs that they stand for. */
  names: Readonly<Record<string, string>>;
  /** Modules that are left out: URL and what stands in their place. */
  replaced: Readonly<Record<string, string>>;
}

interface Found {
  url: string;
  text: ModuleText;
  /** Specifier → URL. */
  links: Map<string, string>;
}

/**
 * Links `entry`. What `known` has is not linked again. The last of the result is the entry, and
 * each module stands behind those that it imports, cycles apart.
 * @throws SysError ENOEXEC that names file, line and what cannot be
 */
export function link(
  entry: string,
  rules: LinkRules,
  known: readonly LinkedModule[] = [],
): LinkedModule[] {
  const graph = new Graph(rules, new Map(known.map((module) => [module.id, module])));
  graph.read(entry, folderOf(entry));
  return graph.linked();
}

/** Modules of one package. */
class Graph {
  readonly #rules: LinkRules;
  readonly #known: ReadonlyMap<string, LinkedModule>;
  readonly #found = new Map<string, Found>();
  readonly #order: Found[] = [];
  readonly #exports = new Map<string, ModuleExport[]>();
  readonly #own: string;
  #bytes = 0;

  constructor(rules: LinkRules, known: ReadonlyMap<string, LinkedModule>) {
    this.#rules = rules;
    this.#known = known;
    this.#own = folderOf(rules.own);
  }

  /** Reads a module and all that it imports. @param folder - real path that foreign files are in */
  read(url: string, folder: string): void {
    if (this.#found.has(url) || this.#known.has(url)) return;
    const source = this.#source(url);
    const module: Found = { url, text: moduleText(url, source), links: new Map() };
    this.#found.set(url, module);
    for (const specifier of module.text.specifiers) {
      const target = this.#resolve(specifier, url, folder);
      module.links.set(specifier, target);
      // A package that Anode's own modules name has a folder of its own.
      this.read(target, this.#named(specifier) === undefined ? folder : folderOf(target));
    }
    this.#order.push(module);
  }

  #named(specifier: string): string | undefined {
    const { names } = this.#rules;
    return Object.hasOwn(names, specifier) ? names[specifier] : undefined;
  }

  #source(url: string): string {
    const replaced = this.#rules.replaced[url];
    if (replaced !== undefined) return replaced;
    if (this.#found.size >= MODULES_MAX) refuse(url, `more than ${MODULES_MAX} modules`);
    const file = statSync(new URL(url), { throwIfNoEntry: false });
    // A pipe or a device could keep the reader for ever.
    if (file?.isFile() !== true) return refuse(url, "there is no such module");
    this.#bytes += file.size;
    const tooMuch = this.#bytes > SOURCE_BYTES_MAX;
    if (tooMuch) refuse(url, `more than ${SOURCE_BYTES_MAX} bytes of source`);
    try {
      return readFileSync(new URL(url), "utf8");
    } catch {
      return refuse(url, "it cannot be read");
    }
  }

  #resolve(specifier: string, from: string, folder: string): string {
    const named = this.#named(specifier);
    if (named !== undefined) return named;
    if (!/^\.{1,2}\//.test(specifier)) {
      const why = specifier.startsWith("node:")
        ? "confined code has none of Node's modules"
        : "only relative paths and Anode's own names can be imported in confined code";
      refuse(from, `import "${specifier}": ${why}`);
    }
    const url = new URL(specifier, from);
    url.search = "";
    url.hash = "";
    const path = realPathOf(url.href) ?? refuse(from, `import "${specifier}": no such module`);
    if (!beneath(path, folder) && !beneath(path, this.#own)) {
      refuse(from, `import "${specifier}" leads out of the package's folder`);
    }
    return pathToFileURL(path).href;
  }

  /** All that were read, in the order of evaluation. */
  linked(): LinkedModule[] {
    return this.#order.map((module) => {
      const { url, text } = module;
      const target = (specifier: string): string => module.links.get(specifier) as string;
      for (const { specifier, imported } of text.imports) {
        if (imported === "*" || this.#gives(target(specifier), imported)) continue;
        refuse(url, `imports "${imported}", which "${specifier}" does not export`);
      }
      return {
        id: url,
        imports: text.imports.map(({ specifier, imported, local }) => ({
          from: target(specifier),
          imported,
          local,
        })),
        exports: this.#allOf(url),
        code: `${text.code}\n//# sourceURL=${url}`,
      };
    });
  }

  #gives(url: string, name: string): boolean {
    return this.#allOf(url).some((one) => one.name === name);
  }

  #allOf(url: string): ModuleExport[] {
    const all = this.#exports.get(url) ?? this.#exportsOf(url, new Set());
    this.#exports.set(url, all);
    return all;
  }

  #exportsOf(url: string, seen: Set<string>): ModuleExport[] {
    const known = this.#known.get(url);
    if (known !== undefined) return known.exports;
    const module = this.#found.get(url);
    if (module === undefined || seen.has(url)) return [];
    seen.add(url);
    const all = new Map<string, ModuleExport>();
    for (const specifier of module.text.stars) {
      const from = module.links.get(specifier) as string;
      for (const { name } of this.#exportsOf(from, seen)) {
        if (name === "default") continue;
        all.set(name, { name, from, imported: name, constant: false });
      }
    }
    for (const { name, specifier, imported, constant } of module.text.exports) {
      if (specifier === undefined) all.set(name, { name, constant });
      else {
        const from = module.links.get(specifier) as string;
        all.set(name, { name, from, imported: imported as string, constant });
      }
    }
    return [...all.values()];
  }
}

/** Real path of the folder that a module is in, with a separator at the end. */
function folderOf(url: string): string {
  const path = fileURLToPath(new URL(".", url));
  try {
    return `${realpathSync(path)}${sep}`;
  } catch {
    return refuse(url, "there is no such folder");
  }
}

function realPathOf(url: string): string | undefined {
  try {
    return realpathSync(fileURLToPath(url));
  } catch {
    return undefined;
  }
}

function beneath(path: string, folder: string): boolean {
  return `${dirname(path)}${sep}`.startsWith(folder);
}
