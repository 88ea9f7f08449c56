/**
 * `dd`: copies blocks and says how fast. Blocks are filled from as many reads as it takes, so that
 * `count` means blocks for pipes as well; only the last one may be short.
 */

import { type CopyPlan, copyBlocks, formatReport } from "../block-copy.js";
import { parseByteSize } from "../byte-size.js";
import { command, misused } from "../command.js";
import { writeAll } from "../transfer.js";

const KEYS = ["if", "of", "bs", "count", "skip", "seek", "status", "conv"] as const;
const STATUSES = ["none", "progress"];
const CONVERSIONS = ["fsync", "notrunc"];
const BLOCK_BYTES_DEFAULT = 512;
const BLOCK_BYTES_MAX = 1024 ** 3;

type Key = (typeof KEYS)[number];

export default command(
  {
    name: "dd",
    usage: "[if=FILE] [of=FILE] [bs=BYTES] [count=N] [skip=N] [seek=N] [status=…] [conv=…]",
    operands: [0, KEYS.length],
    notes: [
      "  if, of     input and output; default standard input and output",
      "  bs         bytes in a block, with K, M or G (default 512)",
      "  count      copy only so many blocks",
      "  skip, seek leave out so many blocks of the input, of the output",
      "  status     none: no summary; progress: show how far it is",
      "  conv       fsync: be durable before the summary; notrunc: keep the rest of the output",
    ].join("\n"),
    example: "dd if=zero: of=null: bs=4M count=1000",
  },
  (os, given) => {
    const plan = parsePlan(given.operands);
    if (typeof plan === "string") return misused(os, "dd", plan);
    const report = copyBlocks(os, plan);
    if (plan.status !== "none") writeAll(os.stderr, formatReport(report));
    return report.shortOfSkip ? 1 : 0;
  },
);

/** Parses `key=value` words; a string is the complaint. */
export function parsePlan(words: readonly string[]): CopyPlan | string {
  const given = new Map<Key, string>();
  for (const word of words) {
    const equals = word.indexOf("=");
    const key = KEYS.find((known) => known === word.slice(0, equals));
    if (equals < 0 || key === undefined) return `${word}: unknown operand`;
    if (given.has(key)) return `${key}= is given twice`;
    given.set(key, word.slice(equals + 1));
  }
  const numbers = { bs: BLOCK_BYTES_DEFAULT, count: Number.POSITIVE_INFINITY, skip: 0, seek: 0 };
  for (const key of ["bs", "count", "skip", "seek"] as const) {
    const text = given.get(key);
    if (text === undefined) continue;
    const value = parseByteSize(text);
    if (value === undefined) return `${key}=${text}: not a number`;
    numbers[key] = value;
  }
  if (numbers.bs < 1 || numbers.bs > BLOCK_BYTES_MAX) return "bs must be from 1 to 1G";
  for (const key of ["skip", "seek"] as const) {
    if (!Number.isSafeInteger(numbers[key] * numbers.bs)) return `${key}=${numbers[key]}: too far`;
  }
  const status = given.get("status");
  if (status !== undefined && !STATUSES.includes(status)) return `status=${status}: unknown`;
  const conversions = given.get("conv")?.split(",") ?? [];
  const unknown = conversions.find((one) => !CONVERSIONS.includes(one));
  if (unknown !== undefined) return `conv=${unknown}: must be ${CONVERSIONS.join(" or ")}`;
  return {
    input: given.get("if"),
    output: given.get("of"),
    blockBytes: numbers.bs,
    count: numbers.count,
    skip: numbers.skip,
    seek: numbers.seek,
    status: status === "none" || status === "progress" ? status : "summary",
    sync: conversions.includes("fsync"),
    truncate: !conversions.includes("notrunc"),
  };
}
