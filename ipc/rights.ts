/** Rights of a capability as a bit mask, and their names in manifests (`"read write"`). */

export const RIGHT_READ = 1;
export const RIGHT_WRITE = 2;
export const RIGHT_CREATE = 4;
export const RIGHT_DELETE = 8;
export const RIGHT_LIST = 16;
export const RIGHT_MAP = 32;
export const RIGHT_CALL = 64;
export const RIGHT_GRANT = 128;
export const RIGHTS_ALL = 255;

const NAMES: readonly (readonly [string, number])[] = [
  ["read", RIGHT_READ],
  ["write", RIGHT_WRITE],
  ["create", RIGHT_CREATE],
  ["delete", RIGHT_DELETE],
  ["list", RIGHT_LIST],
  ["map", RIGHT_MAP],
  ["call", RIGHT_CALL],
  ["grant", RIGHT_GRANT],
];

/** Parses `"read write"` (or `"all"`) into a mask; undefined when a word is no right. */
export function parseRights(text: string): number | undefined {
  let mask = 0;
  for (const word of text.split(" ")) {
    if (word === "") continue;
    if (word === "all") mask |= RIGHTS_ALL;
    else {
      const entry = NAMES.find(([name]) => name === word);
      if (entry === undefined) return undefined;
      mask |= entry[1];
    }
  }
  return mask;
}

/** Formats a mask as its names, in a fixed order. */
export function formatRights(mask: number): string {
  if ((mask & RIGHTS_ALL) === RIGHTS_ALL) return "all";
  return NAMES.filter(([, bit]) => (mask & bit) !== 0)
    .map(([name]) => name)
    .join(" ");
}
