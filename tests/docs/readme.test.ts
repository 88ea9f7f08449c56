/** README.md: its program compiles and does what it says. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocksOf } from "./blocks.js";
import { emptyFolder, install, remove, run, TSC, write } from "./project.js";

let folder: string;

beforeAll(() => {
  folder = emptyFolder();
  install(folder);
  const code = blocksOf("README.md").filter(({ language }) => language === "ts");
  write(folder, [...code, { file: "package.json", text: '{ "type": "module" }' }]);
});

afterAll(() => {
  remove(folder);
});

test("README.md: its program reads the disk while the driver is killed", () => {
  writeFileSync(join(folder, "disk.img"), "anode\n".repeat(65536));
  const options = ["--module", "nodenext", "--target", "es2023", "--strict", "--skipLibCheck"];
  const compiled = run(folder, TSC, ...options, "--types", "node", "tour.ts");
  expect(compiled).toEqual({ status: 0, output: "" });
  const printed = execFileSync(process.execPath, ["tour.js"], { cwd: folder, encoding: "utf8" });
  expect(printed).toBe("512 anode\n\n");
});
