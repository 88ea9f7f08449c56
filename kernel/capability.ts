/**
 * The capability table: every right that any process holds, and from which other it was derived.
 * What counts at run time is the rights cell in memory that only the kernel and the provider hold;
 * revoking clears the cells of the whole subtree before it returns.
 */

import { cellOf, indexOf, SLOTS_MAX, slotOf } from "../ipc/capability-index.js";
import { EMFILE } from "../ipc/errno.js";
import { CAPABILITIES_PER_PROCESS_MAX, GRANTS_PER_PROCESS_MAX } from "../ipc/limits.js";

/** One capability. */
export interface Capability {
  readonly id: number;
  parent: Capability | undefined;
  readonly children: Set<Capability>;
  readonly holder: number;
  readonly provider: number;
  /** Names it in requests: slot of its rights cell at the provider, and the slot's generation. */
  readonly index: number;
  readonly scheme: string;
  readonly root: string;
  readonly rights: number;
  /** Another process has given it unasked: it does not use up what the holder may derive. */
  readonly granted: boolean;
}

/** What a capability is made of. */
export interface CapabilityFacts {
  holder: number;
  provider: number;
  scheme: string;
  root: string;
  rights: number;
  granted?: boolean;
}

/**
 * Rights cells of one provider. A new incarnation gets a fresh copy: the old one's holder may
 * linger.
 */
class CellBlock {
  memory = new SharedArrayBuffer(SLOTS_MAX * 4);
  cells = new Int32Array(this.memory);
  readonly #generations = new Uint32Array(SLOTS_MAX);
  readonly #free: number[] = [];
  #next = 1;

  take(rights: number): number {
    // Fresh ones first, then the one that has rested longest: generations last that much longer.
    const slot = this.#next < SLOTS_MAX ? this.#next++ : this.#free.shift();
    if (slot === undefined) throw EMFILE;
    const index = indexOf(slot, this.#generations[slot] as number);
    this.set(index, rights);
    return index;
  }

  set(index: number, rights: number): void {
    // Partner: the provider's gate loads the cell for each request.
    Atomics.store(this.cells, slotOf(index), cellOf(index, rights));
  }

  clear(index: number): void {
    Atomics.store(this.cells, slotOf(index), 0);
  }

  giveBack(index: number): void {
    const slot = slotOf(index);
    // The next capability in this slot has another name: nothing that was left over from this one
    // (a handle, a request in progress, a name that somebody kept) fits its cell.
    this.#generations[slot] = (this.#generations[slot] as number) + 1;
    this.#free.push(slot);
  }

  renew(): SharedArrayBuffer {
    const old = this.cells;
    this.memory = new SharedArrayBuffer(old.byteLength);
    this.cells = new Int32Array(this.memory);
    return this.memory;
  }
}

/** All capabilities of the machine. */
export class CapabilityTable {
  readonly #byId = new Map<number, Capability>();
  readonly #byHolder = new Map<number, Set<Capability>>();
  readonly #blocks = new Map<number, CellBlock>();
  #nextId = 1;

  get size(): number {
    return this.#byId.size;
  }

  /** The cells that a provider's current incarnation looks at. */
  cells(provider: number): SharedArrayBuffer {
    return this.#block(provider).memory;
  }

  /** Fresh cells for a new incarnation, with the rights that stand. */
  renewCells(provider: number): SharedArrayBuffer {
    const block = this.#block(provider);
    const memory = block.renew();
    for (const capability of this.#byId.values()) {
      if (capability.provider === provider) block.set(capability.index, capability.rights);
    }
    return memory;
  }

  #block(provider: number): CellBlock {
    let block = this.#blocks.get(provider);
    if (block === undefined) {
      block = new CellBlock();
      this.#blocks.set(provider, block);
    }
    return block;
  }

  /** Adds a capability. `parent` undefined: the root of a scheme. @throws EMFILE */
  add(parent: Capability | undefined, facts: CapabilityFacts): Capability {
    const held = this.#held(facts.holder);
    const granted = facts.granted ?? false;
    let used = 0;
    for (const other of held) if (other.granted === granted) used++;
    if (used >= (granted ? GRANTS_PER_PROCESS_MAX : CAPABILITIES_PER_PROCESS_MAX)) throw EMFILE;
    const rights = parent === undefined ? facts.rights : facts.rights & parent.rights;
    const capability: Capability = {
      ...facts,
      granted,
      rights,
      id: this.#nextId++,
      parent,
      children: new Set(),
      index: this.#block(facts.provider).take(rights),
    };
    this.#byId.set(capability.id, capability);
    held.add(capability);
    parent?.children.add(capability);
    return capability;
  }

  #held(holder: number): Set<Capability> {
    let held = this.#byHolder.get(holder);
    if (held === undefined) {
      held = new Set();
      this.#byHolder.set(holder, held);
    }
    return held;
  }

  get(id: number): Capability | undefined {
    return this.#byId.get(id);
  }

  heldBy(holder: number): Capability[] {
    return [...(this.#byHolder.get(holder) ?? [])];
  }

  /** Finds what `holder` calls `index` at `provider`. */
  find(holder: number, provider: number, index: number): Capability | undefined {
    return this.heldBy(holder).find((c) => c.provider === provider && c.index === index);
  }

  /**
   * Clears a capability and all that was derived from it. Returns them; the cells are cleared. One
   * that is gone already is nothing: its slot may be another's by now.
   */
  revoke(capability: Capability): Capability[] {
    if (this.#byId.get(capability.id) !== capability) return [];
    const subtree: Capability[] = [];
    const stack = [capability];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      subtree.push(next);
      this.#blocks.get(next.provider)?.clear(next.index);
      stack.push(...next.children);
    }
    for (const gone of subtree) {
      gone.parent?.children.delete(gone);
      gone.children.clear();
      this.#remove(gone);
    }
    return subtree;
  }

  /** Drops one capability. Derived ones stay with their holders, under the next one above. */
  drop(capability: Capability): void {
    for (const child of capability.children) {
      child.parent = capability.parent;
      capability.parent?.children.add(child);
    }
    capability.parent?.children.delete(capability);
    this.#blocks.get(capability.provider)?.clear(capability.index);
    this.#remove(capability);
  }

  #remove(gone: Capability): void {
    this.#byId.delete(gone.id);
    this.#byHolder.get(gone.holder)?.delete(gone);
    this.#blocks.get(gone.provider)?.giveBack(gone.index);
  }

  /** Drops what a dead process held. */
  dropHolder(holder: number): Capability[] {
    const gone = this.heldBy(holder);
    for (const capability of gone) this.drop(capability);
    this.#byHolder.delete(holder);
    return gone;
  }

  /** Forgets a provider that is gone for good, with everything held on it. */
  dropProvider(provider: number): void {
    for (const capability of [...this.#byId.values()]) {
      if (capability.provider === provider) this.revoke(capability);
    }
    this.#blocks.delete(provider);
  }

  all(): Capability[] {
    return [...this.#byId.values()];
  }
}
