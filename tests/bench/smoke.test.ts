/** The bench runs, and its JSON has the promised shape. Nothing here says how fast anything is. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const UNITS: Readonly<Record<string, string>> = {
  "null-call": "ns",
  "null-call-oversubscribed": "ns",
  "null-call-async": "ns",
  "null-call-host": "ns",
  "pipelined-64": "requests/s",
  "pipelined-64-async": "requests/s",
  "dd-4k": "bytes/s",
  "dd-4m": "bytes/s",
  "disk-64k": "bytes/s",
  "disk-64k-direct": "bytes/s",
  recovery: "ms",
  boot: "ms",
  memory: "bytes",
  "confined-null-call": "ns",
  "confined-recovery": "ms",
  "confined-memory": "bytes",
};

interface Document {
  machine: string;
  node: string;
  load: number[];
  cases: {
    case: string;
    unit: string;
    median: number;
    p99: number;
    baselines: Record<string, number>;
  }[];
}

const run = promisify(execFile);

test("bench: --quick --json measures every case beside its baselines", async () => {
  const { stdout } = await run(process.execPath, [MAIN, "--quick", "--json"]);
  const document = JSON.parse(stdout) as Document;
  expect(document.machine).toContain("cores");
  expect(document.node).toBe(process.version);
  expect(document.load).toHaveLength(3);
  const units = document.cases.map((one) => [one.case, one.unit]);
  expect(Object.fromEntries(units)).toEqual(UNITS);
  for (const { case: name, median, p99, baselines } of document.cases) {
    const figures = [median, p99, ...Object.values(baselines)];
    expect({ name, wrong: figures.filter((figure) => !(figure > 0)) }).toEqual({ name, wrong: [] });
    // A baseline that is reported as a case of its own has none itself.
    const alone = name === "disk-64k-direct";
    expect({ name, alone: Object.keys(baselines).length === 0 }).toEqual({ name, alone });
  }
}, 180_000);

test("bench: an unknown case is a usage error that names the cases", async () => {
  const failure = run(process.execPath, [MAIN, "--only", "nul-call"]);
  await expect(failure).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no case nul-call") as string,
  });
});
