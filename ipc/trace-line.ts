/**
 * The one-line form of what happens in the machine: the flight recorder, `sys:/trace` and panic
 * dumps share it. `+12.345 virtio-blkd#2 fence cause="killed"`.
 */

/** One event. */
export interface TraceEvent {
  /** Milliseconds since boot. */
  atMs: number;
  /** Process name, or "kernel". */
  subject: string;
  incarnation: number;
  event: string;
  detail?: Readonly<Record<string, string | number>>;
}

/** Formats an event as one line. */
export function formatTrace(event: TraceEvent): string {
  const fields = Object.entries(event.detail ?? {}).map(([key, value]) =>
    typeof value === "number" ? ` ${key}=${value}` : ` ${key}=${JSON.stringify(value)}`,
  );
  const at = event.atMs.toFixed(3).padStart(9);
  return `+${at} ${event.subject}#${event.incarnation} ${event.event}${fields.join("")}`;
}
