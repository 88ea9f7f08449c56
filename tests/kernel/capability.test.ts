/**
 * The capability table: rights only ever shrink on the way down, and revoking clears the cells of
 * a whole subtree before it returns. The cells are what providers look at, so the tests look at
 * them too.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellOf, rightsIn, slotOf } from "../../ipc/capability-index.js";
import { EMFILE } from "../../ipc/errno.js";
import {
  CAPABILITIES_PER_PROCESS_MAX,
  CAPABILITIES_PER_PROVIDER_MAX,
  GRANTS_PER_PROCESS_MAX,
} from "../../ipc/limits.js";
import { RIGHT_LIST, RIGHT_READ, RIGHT_WRITE, RIGHTS_ALL } from "../../ipc/rights.js";
import { type Capability, CapabilityTable } from "../../kernel/capability.js";

const PROVIDER = 9;

/** Derives a capability for `holder`; no parent: the root of the scheme. */
function give(
  table: CapabilityTable,
  parent: Capability | undefined,
  holder: number,
  rights = RIGHTS_ALL,
): Capability {
  const facts = { holder, provider: PROVIDER, scheme: "file", root: "/", rights };
  return table.add(parent, facts);
}

function cell(table: CapabilityTable, { index }: Capability): number {
  return rightsIn(Atomics.load(new Int32Array(table.cells(PROVIDER)), slotOf(index)), index);
}

/** Gives out capabilities until one stands in the slot of one that is gone. */
function reusing(table: CapabilityTable, gone: Capability): Capability {
  for (let holder = 100; ; ) {
    const made = give(table, undefined, holder, RIGHT_READ);
    if (slotOf(made.index) === slotOf(gone.index)) return made;
    if (table.heldBy(holder).length === CAPABILITIES_PER_PROCESS_MAX) holder++;
  }
}

describe("capability: deriving", () => {
  it("capability: a derived one has no right that its parent lacks", () => {
    const table = new CapabilityTable();
    const root = give(table, undefined, 2, RIGHT_READ | RIGHT_LIST);
    const child = give(table, root, 3, RIGHT_READ | RIGHT_WRITE);
    const grandchild = give(table, child, 4);
    expect([root, child, grandchild].map(({ rights }) => rights)).toEqual([
      RIGHT_READ | RIGHT_LIST,
      RIGHT_READ,
      RIGHT_READ,
    ]);
    expect(cell(table, grandchild)).toBe(RIGHT_READ);
  });

  it("capability: index 0 is never given out", () => {
    const table = new CapabilityTable();
    expect(give(table, undefined, 2).index).toBeGreaterThan(0);
    expect(new Int32Array(table.cells(PROVIDER))[0]).toBe(0);
  });

  it("capability: is found by holder, provider and index, not by a part of it", () => {
    const table = new CapabilityTable();
    const mine = give(table, undefined, 2);
    expect(table.find(2, PROVIDER, mine.index)).toBe(mine);
    expect(table.find(3, PROVIDER, mine.index)).toBeUndefined();
    expect(table.find(2, 8, mine.index)).toBeUndefined();
    expect(table.find(2, PROVIDER, mine.index + 1)).toBeUndefined();
  });
});

describe("capability: revoking", () => {
  it("capability: the whole subtree is cleared at once, and nothing else", () => {
    const table = new CapabilityTable();
    const root = give(table, undefined, 2);
    const middle = give(table, root, 3);
    const leaves = [give(table, middle, 4), give(table, middle, 5)];
    const sibling = give(table, root, 6);
    const gone = table.revoke(middle);
    expect(new Set(gone)).toEqual(new Set([middle, ...leaves]));
    expect(gone.map((capability) => cell(table, capability))).toEqual([0, 0, 0]);
    expect([cell(table, root), cell(table, sibling)]).toEqual([RIGHTS_ALL, RIGHTS_ALL]);
    expect(table.heldBy(4)).toEqual([]);
    expect([...root.children]).toEqual([sibling]);
  });

  it("capability: a slot comes into use again under another index, with the new rights", () => {
    const table = new CapabilityTable();
    const first = give(table, undefined, 2);
    table.revoke(first);
    const second = reusing(table, first);
    expect(second.index).not.toBe(first.index);
    expect(second.id).not.toBe(first.id);
    expect([cell(table, first), cell(table, second)]).toEqual([0, RIGHT_READ]);
    expect(table.get(first.id)).toBeUndefined();
    expect(table.find(3, PROVIDER, first.index)).toBeUndefined();
  });

  it("capability: revoking one that is gone does nothing to who stands in its slot", () => {
    const table = new CapabilityTable();
    const stale = give(table, undefined, 2);
    table.revoke(stale);
    const next = reusing(table, stale);
    expect(table.revoke(stale)).toEqual([]);
    expect(cell(table, next)).toBe(RIGHT_READ);
    // A slot that was given back twice would be given out twice.
    const slots = new Set(table.all().map(({ index }) => slotOf(index)));
    expect(slots.size).toBe(table.size);
    table.revoke(next);
    expect(slotOf(give(table, undefined, 2).index)).toBe(slotOf(stale.index));
    expect(() => give(table, undefined, 2)).toThrow(EMFILE);
  });

  it("capability: what a stranger gives does not use up what the holder may derive", () => {
    const table = new CapabilityTable();
    const facts = { holder: 2, provider: PROVIDER, scheme: "file", root: "/", rights: RIGHTS_ALL };
    const gift = () => table.add(undefined, { ...facts, granted: true });
    for (let i = 0; i < GRANTS_PER_PROCESS_MAX; i++) gift();
    expect(gift).toThrow(EMFILE);
    for (let i = 0; i < CAPABILITIES_PER_PROCESS_MAX; i++) give(table, undefined, 2);
    expect(() => give(table, undefined, 2)).toThrow(EMFILE);
  });
});

describe("capability: deaths", () => {
  it("capability: what a dead process passed on stays, under the next one above", () => {
    const table = new CapabilityTable();
    const root = give(table, undefined, 2);
    const middle = give(table, root, 3);
    const leaf = give(table, middle, 4);
    expect(table.dropHolder(3)).toEqual([middle]);
    expect([cell(table, middle), cell(table, leaf)]).toEqual([0, RIGHTS_ALL]);
    expect([leaf.parent, [...root.children]]).toEqual([root, [leaf]]);
    table.revoke(root);
    expect(cell(table, leaf)).toBe(0);
  });

  it("capability: a holder's own chain is dropped whole, whatever the order", () => {
    const table = new CapabilityTable();
    const root = give(table, undefined, 2);
    const first = give(table, root, 3);
    const second = give(table, first, 3);
    const leaf = give(table, second, 4);
    table.dropHolder(3);
    expect([leaf.parent, [...root.children], table.size]).toEqual([root, [leaf], 2]);
  });

  it("capability: a new incarnation gets fresh cells with the rights that stand", () => {
    const table = new CapabilityTable();
    const kept = give(table, undefined, 2, RIGHT_READ);
    const revoked = give(table, undefined, 3);
    const old = new Int32Array(table.cells(PROVIDER));
    table.revoke(revoked);
    const memory = table.renewCells(PROVIDER);
    expect(memory).toBe(table.cells(PROVIDER));
    expect([cell(table, kept), cell(table, revoked)]).toEqual([RIGHT_READ, 0]);
    old.fill(RIGHTS_ALL);
    expect(cell(table, revoked)).toBe(0);
    table.revoke(kept);
    expect(cell(table, kept)).toBe(0);
  });

  it("capability: a provider that is gone for good takes everything on it along", () => {
    const table = new CapabilityTable();
    give(table, give(table, undefined, 2), 3);
    table.add(undefined, { holder: 2, provider: 8, scheme: "log", root: "/", rights: RIGHTS_ALL });
    table.dropProvider(PROVIDER);
    expect(table.all().map(({ provider }) => provider)).toEqual([8]);
  });
});

describe("capability: limits", () => {
  it("capability: one process holds so many, and gets them back", () => {
    const table = new CapabilityTable();
    for (let i = 0; i < CAPABILITIES_PER_PROCESS_MAX; i++) give(table, undefined, 2);
    expect(() => give(table, undefined, 2)).toThrow(EMFILE);
    expect(table.size).toBe(CAPABILITIES_PER_PROCESS_MAX);
    give(table, undefined, 3);
    table.revoke(table.heldBy(2)[0] as Capability);
    give(table, undefined, 2);
  });

  it("capability: one provider gives out so many, and refusals do not use up the rest", () => {
    const table = new CapabilityTable();
    const all: Capability[] = [];
    for (let i = 0; i < CAPABILITIES_PER_PROVIDER_MAX - 1; i++) {
      all.push(give(table, undefined, 2 + Math.floor(i / CAPABILITIES_PER_PROCESS_MAX)));
    }
    for (let i = 0; i < 100; i++) expect(() => give(table, undefined, 100)).toThrow(EMFILE);
    expect(table.size).toBe(all.length);
    table.revoke(all[5] as Capability);
    expect(slotOf(give(table, undefined, 100).index)).toBe(slotOf(all[5]?.index ?? 0));
  });
});

describe("capability: properties", () => {
  const action = fc.record({
    kind: fc.constantFrom("add", "add", "add", "revoke", "drop", "renew"),
    which: fc.nat(1000),
    holder: fc.integer({ min: 2, max: 6 }),
    rights: fc.integer({ min: 1, max: RIGHTS_ALL }),
  });

  it("capability: cells say exactly what the table says, after any history", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const table = new CapabilityTable();
        for (const { kind, which, holder, rights } of actions) {
          const all = table.all();
          const one = all[which % Math.max(1, all.length)];
          if (kind === "add") give(table, which % 4 === 0 ? undefined : one, holder, rights);
          else if (kind === "revoke" && one !== undefined) table.revoke(one);
          else if (kind === "drop") table.dropHolder(holder);
          else if (kind === "renew") table.renewCells(PROVIDER);
        }
        const expected = new Map(
          table.all().map(({ index, rights }) => [slotOf(index), cellOf(index, rights)]),
        );
        expect(expected.size).toBe(table.size);
        const cells = new Int32Array(table.cells(PROVIDER));
        cells.forEach((content, slot) => {
          if (content !== (expected.get(slot) ?? 0)) expect.fail(`cell ${slot} is ${content}`);
        });
        for (const { parent, rights } of table.all()) {
          if (parent === undefined) continue;
          expect(table.get(parent.id)).toBe(parent);
          expect(rights & ~parent.rights).toBe(0);
        }
      }),
    );
  });
});
