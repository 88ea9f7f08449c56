/** Words for anything at all: for the log and for death records. */

/** Characters of one description at most. */
const LENGTH_MAX = 4096;

/** Describes what was thrown, with its stack. Runs what the value brings along; may throw. */
export function describe(thrown: unknown): string {
  if (thrown instanceof Error) {
    const stack = String(thrown.stack ?? "");
    const title = `${thrown.name}: ${thrown.message}`;
    return (stack.includes(thrown.message) ? stack : `${title}\n${stack}`).slice(0, LENGTH_MAX);
  }
  return `threw ${shown(thrown)}`.slice(0, LENGTH_MAX);
}

/** Shows a value on one line. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
