/*
 * What can find a mutant of each device model: the traces that exercise it, and the unit tests. A
 * model without a row has all of them.
 */

/** Names of files in `tests/traces/` and `dist/tests/hw/`. */
export interface Judges {
  traces: RegExp;
  tests: RegExp;
}

const ALL: Judges = { traces: /./, tests: /^(?!board-option|image|memory|replay)\w.*\.test\.js$/ };

const JUDGES: readonly [model: RegExp, judges: Judges][] = [
  [/^pl011/, { traces: /^(?:pl011|system)/, tests: /^(?:pl011|board)\.test\.js$/ }],
  [/^pl031/, { traces: /^(?:pl031|system)/, tests: /^(?:pl031|platform)\.test\.js$/ }],
  [/^pl061/, { traces: /^(?:pl061|system)/, tests: /^(?:pl061|platform)\.test\.js$/ }],
  [/^sp804/, { traces: /^sp804/, tests: /^(?:sp804|platform)\.test\.js$/ }],
  [/^fw-cfg/, { traces: /^fwcfg/, tests: /^(?:fw-cfg|platform)\.test\.js$/ }],
  [/^generic-timer/, { traces: /^$/, tests: /^(?:generic-timer|platform)\.test\.js$/ }],
  [/^psci/, { traces: /^$/, tests: /^platform\.test\.js$/ }],
  [/^gicv2/, { traces: /^(?:gicv2|system)/, tests: /^(?:gicv2|board)\.test\.js$/ }],
  [/^virt/, { traces: /^virtio/, tests: /^(?:virtio.*|board)\.test\.js$/ }],
];

/** Who judges mutants of a model. @param model - its file's name, `pl031.js` */
export function judgesOf(model: string): Judges {
  return JUDGES.find(([pattern]) => pattern.test(model))?.[1] ?? ALL;
}
