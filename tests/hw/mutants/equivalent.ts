/*
 * Mutations that make no difference to anybody: no test can find them, so they are not tried. Each
 * stands here with the reason; one that no longer occurs in the models fails the harness's test.
 */

/** A line of a compiled model, what becomes of it, and why nobody can tell. */
interface Equivalent {
  model: string;
  before: string;
  after: string;
  why: string;
}

const BYTE_LOOP = "for (let i = 0; i < 8 && first + i < this.#gic.count; i++) {";
const NO_NINTH_BIT = "a register byte has no ninth bit";
const BEYOND_ARRAY = "typed arrays ignore what is written beyond their end";

export const EQUIVALENTS: readonly Equivalent[] = [
  ...["i <= 8", "i < (8 + 1)"].map((changed) => ({
    model: "gicv2-distributor.js",
    before: BYTE_LOOP,
    after: BYTE_LOOP.replace("i < 8", changed),
    why: NO_NINTH_BIT,
  })),
  ...["first + i <= this", "first - i < this"].map((changed) => ({
    model: "gicv2-distributor.js",
    before: BYTE_LOOP,
    after: BYTE_LOOP.replace("first + i < this", changed),
    why: BEYOND_ARRAY,
  })),
  {
    model: "gicv2-distributor.js",
    before: "return (this.#gic.ctlr >>> shift) & 0xff;",
    after: "return (this.#gic.ctlr << shift) & 0xff;",
    why: "GICD_CTLR has two bits: its other bytes are zero either way",
  },
  {
    model: "gicv2-state.js",
    before: "for (let intid = 0; intid < this.count; intid++) {",
    after: "for (let intid = 0; intid <= this.count; intid++) {",
    why: "what reads as undefined beyond the end is not enabled",
  },
  ...["ctlr = 0;", "ctlr: 0,", "pmr: 0,", "bpr: 0,"].map((before) => ({
    model: "gicv2-state.js",
    before,
    after: before.replace("0", "(0 + 1)"),
    why: "the constructor ends with a reset, which sets it",
  })),
];

/** Whether a change of a line is known to make no difference. */
export function isEquivalent(model: string, before: string, after: string): boolean {
  return EQUIVALENTS.some(
    (known) => known.model === model && known.before === before && known.after === after,
  );
}
