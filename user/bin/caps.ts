/** `caps`: prints every capability under the one that it was derived from. */

import { command } from "../command.js";
import type { CapabilityInfo } from "../system.js";
import { writeAll } from "../transfer.js";

export default command(
  {
    name: "caps",
    usage: "[--json]",
    flags: { "--json": "one JSON array, for scripts" },
    operands: [0, 0],
    notes:
      "Each line: number, holder, what it leads to, rights. Revoking one revokes what is below.",
    example: "caps",
  },
  (os, given) => {
    const capabilities = os.capabilities().sort((a, b) => a.id - b.id);
    if (given.flags.has("--json")) writeAll(os.stdout, `${JSON.stringify(capabilities)}\n`);
    else writeAll(os.stdout, formatTree(capabilities));
  },
);

/** Formats the derivation tree; one whose parent is not in the list stands at the root. */
function formatTree(capabilities: readonly CapabilityInfo[]): string {
  const ids = new Set(capabilities.map((capability) => capability.id));
  const children = new Map<number | undefined, CapabilityInfo[]>();
  for (const capability of capabilities) {
    const { parent } = capability;
    const above = parent !== undefined && ids.has(parent) && parent !== capability.id;
    const key = above ? parent : undefined;
    const siblings = children.get(key);
    if (siblings === undefined) children.set(key, [capability]);
    else siblings.push(capability);
  }
  let text = "";
  const print = (siblings: readonly CapabilityInfo[], indent: string): void => {
    for (const [index, one] of siblings.entries()) {
      const last = index === siblings.length - 1;
      const top = one.parent === undefined || !ids.has(one.parent);
      const branch = top ? "" : last ? "└─ " : "├─ ";
      text += `${indent}${branch}${describe(one)}\n`;
      print(children.get(one.id) ?? [], top ? indent : `${indent}${last ? "   " : "│  "}`);
    }
  };
  print(children.get(undefined) ?? [], "");
  return text;
}

function describe(capability: CapabilityInfo): string {
  const { id, holder, scheme, root, rights } = capability;
  return `${id} ${holder} ${scheme}:${root} ${rights === "" ? "(revoked)" : rights}`;
}
