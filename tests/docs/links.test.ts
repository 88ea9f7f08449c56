/** What the pages say is there: files, folders, tests by name, links to other pages. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./blocks.js";

const PAGES = [
  "README.md",
  "examples/weather/README.md",
  ...readdirSync(`${ROOT}docs`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
/** What begins with one of our folders is a path from the root. */
const FROM_ROOT = /^(?:ipc|hw|kernel|user|drivers|schemes|cli|tests|bench|examples|docs)\//;

describe.each(PAGES)("%s", (page) => {
  const text = readFileSync(`${ROOT}${page}`, "utf8");

  test("every path in the repository that it names is there", () => {
    const named = [...text.matchAll(/`([\w./-]+)`/g)].map(([, path]) => path as string);
    const paths = named.filter((path) => FROM_ROOT.test(path));
    expect(paths.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([]);
  });

  test("every link leads somewhere", () => {
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(
      ([, link]) => link as string,
    );
    const local = links.filter((link) => !link.startsWith("http"));
    expect(local.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
  });

  test("every test that it quotes is there, in the file that it names", () => {
    const quoted = [...text.matchAll(/`(tests\/[\w./-]+\.test\.ts)`: "([^"]+)"/g)];
    const missing = quoted.filter(
      ([, file, name]) => !readFileSync(`${ROOT}${file}`, "utf8").includes(name as string),
    );
    expect(missing.map(([whole]) => whole)).toEqual([]);
  });
});
