/**
 * Shared positions: a handle that was passed on has its position in memory that its holders share.
 * The kernel makes the cell when a handle is first passed on and remembers whose it is.
 */

import type { Process, ProcessTable } from "./process.js";

/** A handle of some process, and where its position stands. */
export interface PositionedHandle {
  provider: number;
  handle: number;
  capability: number;
  position: number;
}

/** All cells. */
export class PositionCells {
  readonly #processes: ProcessTable;
  readonly #cells = new Map<string, SharedArrayBuffer>();

  constructor(processes: ProcessTable) {
    this.#processes = processes;
  }

  /** The cell of a handle; its owner hears of a new one. */
  of(owner: Process, at: PositionedHandle): SharedArrayBuffer {
    // A new incarnation counts its handles anew.
    const incarnation = this.#processes.get(at.provider)?.incarnation ?? 0;
    const key = `${owner.pid}/${at.provider}/${incarnation}/${at.handle}`;
    const inherited = this.#cells.get(inheritedKey(owner, at.provider, at.capability));
    const known = inherited ?? this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = new SharedArrayBuffer(8);
    new BigInt64Array(cell)[0] = BigInt(at.position);
    this.#cells.set(key, cell);
    owner.mail({ kind: "cell", provider: at.provider, handle: at.handle, cell });
    return cell;
  }

  /** A handle that a child inherited keeps its cell when the child passes it on in turn. */
  inherit(
    child: Process,
    at: { provider: number; capability: number; cell: SharedArrayBuffer },
  ): void {
    this.#cells.set(inheritedKey(child, at.provider, at.capability), at.cell);
  }

  /** Forgets a process that is gone. */
  drop(owner: Process): void {
    for (const key of this.#cells.keys()) {
      if (key.startsWith(`${owner.pid}/`)) this.#cells.delete(key);
    }
  }
}

/** Each inherited handle has a capability of its own, so that names its cell. */
function inheritedKey(owner: Process, provider: number, capability: number): string {
  return `${owner.pid}/${provider}/capability ${capability}`;
}
