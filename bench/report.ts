/** What the bench prints: figures for people on a terminal, or one JSON document for scripts. */

import { cpus, loadavg, totalmem } from "node:os";
import type { CaseResult } from "./measure.js";
import type { Unit } from "./probe.js";

/** Where and under which load the figures were taken. */
export interface Setting {
  /** Processor, count of cores, memory. */
  readonly machine: string;
  readonly node: string;
  /** Load averages of 1, 5 and 15 minutes when the bench began. */
  readonly load: readonly number[];
}

/** Looks at the machine. */
export function describeSetting(): Setting {
  const [first, ...others] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  const model = (first?.model ?? "unknown processor").trim().replace(/\s+/g, " ");
  return {
    machine: `${model}, ${others.length + 1} cores, ${gib} GiB, ${process.platform}`,
    node: process.version,
    load: loadavg().map((value) => Math.round(value * 100) / 100),
  };
}

/** One JSON document with all the results. */
export function formatJson(setting: Setting, results: readonly CaseResult[]): string {
  const cases = results.map(({ name, unit, median, p99, baselines }) => ({
    case: name,
    unit,
    median: rounded(median),
    p99: rounded(p99),
    baselines: Object.fromEntries(baselines.map((one) => [one.name, rounded(one.median)])),
  }));
  return `${JSON.stringify({ ...setting, cases }, undefined, 2)}\n`;
}

/** The setting in one paragraph, for people. */
export function formatSetting({ machine, node, load }: Setting): string {
  return `${machine}\nNode ${node}, load average ${load.join(" ")}\n`;
}

/** One case as a small table: the subject first, each baseline with the ratio to it. */
export function formatCase({ name, unit, baselines, ...subject }: CaseResult): string {
  const line = (label: string, one: typeof subject, ratio: string): string =>
    [
      `  ${label.padEnd(16)}`,
      `median ${quantity(one.median, unit).padStart(12)}`,
      `p99 ${quantity(one.p99, unit).padStart(12)}`,
      `rounds ${spread(one.rounds, unit)}`.padEnd(34),
      ratio,
    ]
      .join("  ")
      .trimEnd();
  return [
    `${name} (${unit})`,
    line("anode", subject, ""),
    ...baselines.map((one) => line(one.name, one, `${one.ratio.toPrecision(3)} x of it`)),
    "",
  ].join("\n");
}

function spread(rounds: readonly number[], unit: Unit): string {
  return `${quantity(Math.min(...rounds), unit)} … ${quantity(Math.max(...rounds), unit)}`;
}

const SCALES: Readonly<Record<Unit, readonly (readonly [number, string])[]>> = {
  ns: [
    [1e6, "ms"],
    [1e3, "µs"],
    [1, "ns"],
  ],
  ms: [[1, "ms"]],
  bytes: [
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ],
  "bytes/s": [
    [2 ** 30, "GiB/s"],
    [2 ** 20, "MiB/s"],
    [1, "B/s"],
  ],
  "requests/s": [
    [1e6, "M/s"],
    [1e3, "k/s"],
    [1, "/s"],
  ],
};

/** A number with three digits and a unit that suits its size. */
function quantity(value: number, unit: Unit): string {
  const scales = SCALES[unit];
  const [scale, name] = scales.find(([least]) => value >= least) ?? scales.at(-1) ?? [1, unit];
  const scaled = value / scale;
  return `${scaled >= 100 ? Math.round(scaled) : scaled.toPrecision(3)} ${name}`;
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(4));
}
