/** Sizes as people write and read them: `4K`, `1.5 GiB`. Powers of 1024 throughout. */

const SUFFIXES = "KMGT";

/** Parses `512`, `4K`, `4M`, `1G`; undefined when it is no size or beyond 2^53 - 1. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT]?)(?:iB)?$/i.exec(text);
  if (match === null) return undefined;
  const power = SUFFIXES.indexOf((match[2] ?? "").toUpperCase() || " ") + 1;
  const size = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(size) ? size : undefined;
}

/** Formats a count of bytes in at most four digits: `512 B`, `1.5 GiB`. */
export function formatByteSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value >= 1024 && power < SUFFIXES.length) {
    value /= 1024;
    power += 1;
  }
  if (power === 0) return `${Math.round(value)} B`;
  return `${value.toFixed(value < 100 ? 1 : 0)} ${SUFFIXES[power - 1]}iB`;
}
