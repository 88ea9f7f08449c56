/** The process's own map from names to capabilities. What is not in it does not exist. */

import { EACCES, ENODEV, Errno } from "../../ipc/errno.js";
import type { NamespaceEntry } from "../../ipc/mail.js";
import { isBeneath, parseUrl } from "../../ipc/url.js";

/** Where a URL leads. */
export interface Resolved {
  entry: NamespaceEntry;
  path: string;
}

/** Finds the entry that covers a URL: of several, the deepest. ENODEV, EACCES or what is no URL. */
export function resolveUrl(entries: readonly NamespaceEntry[], text: string): Resolved | Errno {
  const url = parseUrl(text);
  if (url instanceof Errno) return url;
  let best: NamespaceEntry | undefined;
  let named = false;
  for (const entry of entries) {
    if (entry.scheme !== url.scheme) continue;
    named = true;
    if (!isBeneath(entry.root, url.path)) continue;
    if (best === undefined || entry.root.length > best.root.length) best = entry;
  }
  if (best !== undefined) return { entry: best, path: url.path };
  return named ? EACCES : ENODEV;
}

/** The scheme names, sorted. */
export function schemeNames(entries: readonly NamespaceEntry[]): string[] {
  return [...new Set(entries.map((entry) => entry.scheme))].sort();
}
