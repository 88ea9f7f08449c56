/** What a caller sees when an operation fails: a fresh error that says operation, URL and cause. */

import { type Errno, errnoFromNumber } from "./errno.js";

/** What is known of a request that its provider's death, a deadline or a cancellation ended. */
export type Outcome = "not-executed" | "unknown" | "poison";

/** What a `SysError` says beyond its errno. */
export interface SysErrorDetail {
  operation: string;
  url?: string | undefined;
  outcome?: Outcome | undefined;
  incarnation?: { old: number; now: number } | undefined;
  /** One more sentence for a person: what to do about it. */
  hint?: string | undefined;
}

/**
 * An operating error with its circumstances. `code` is the symbol ("ENOENT"), `errno` its number.
 */
export class SysError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly operation: string;
  readonly url: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly incarnation: { old: number; now: number } | undefined;
  readonly hint: string | undefined;

  constructor(cause: Errno, detail: SysErrorDetail) {
    super(describe(cause, detail));
    this.name = "SysError";
    this.code = cause.code;
    this.errno = cause.errno;
    this.operation = detail.operation;
    this.url = detail.url;
    this.outcome = detail.outcome;
    this.incarnation = detail.incarnation;
    this.hint = detail.hint;
  }

  /** Makes the error for a negative result of a request. */
  static fromResult(result: number, detail: SysErrorDetail): SysError {
    return new SysError(errnoFromNumber(-result), detail);
  }
}

function describe(cause: Errno, detail: SysErrorDetail): string {
  const where = detail.url === undefined ? "" : ` ${detail.url}`;
  const outcome = detail.outcome === undefined ? "" : ` (outcome: ${detail.outcome})`;
  const hint = detail.hint === undefined ? "" : `; ${detail.hint}`;
  return `${detail.operation}${where}: ${cause.message} (${cause.code})${outcome}${hint}`;
}
