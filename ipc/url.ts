/**
 * URLs of the system: one parser, one canonical form. `scheme:/path`, the modern spelling
 * `/scheme/NAME/path`, and a bare `/path`, which means `file:/path`. `//`, `.` and `..` are
 * resolved here, before any check, and `..` stops at the root.
 */

import { EILSEQ, EINVAL, ENAMETOOLONG, ENOENT, type Errno } from "./errno.js";
import { NAME_BYTES_MAX, PATH_BYTES_MAX, SCHEME_NAME_MAX } from "./limits.js";

/** A canonical URL: `path` begins with `/` and ends with none, except the root itself. */
export interface SchemeUrl {
  readonly scheme: string;
  readonly path: string;
}

const SCHEME_NAME = /^[a-z][a-z0-9._@-]*$/;
const encoder = new TextEncoder();

/** True for a name that a scheme can be registered under. */
export function isSchemeName(name: string): boolean {
  return name.length <= SCHEME_NAME_MAX && SCHEME_NAME.test(name);
}

/** Parses `text`. Never throws: what is no URL comes back as its errno. */
export function parseUrl(text: string): SchemeUrl | Errno {
  // A UTF-16 unit makes at most 3 bytes, so this bounds the work before it begins.
  if (text.length > PATH_BYTES_MAX + SCHEME_NAME_MAX + 10) return ENAMETOOLONG;
  if (text === "") return ENOENT;
  let scheme = "file";
  let rest = text;
  if (text.startsWith("/scheme/")) {
    const end = text.indexOf("/", 8);
    scheme = end < 0 ? text.slice(8) : text.slice(8, end);
    rest = end < 0 ? "/" : text.slice(end);
  } else if (!text.startsWith("/")) {
    const colon = text.indexOf(":");
    if (colon < 0) return EINVAL;
    scheme = text.slice(0, colon);
    rest = text.slice(colon + 1);
  }
  if (scheme.length > SCHEME_NAME_MAX) return ENAMETOOLONG;
  if (!SCHEME_NAME.test(scheme)) return EINVAL;
  const path = canonicalPath(rest);
  return typeof path === "string" ? { scheme, path } : path;
}

/** Resolves `//`, `.` and `..` and checks lengths and encoding. */
export function canonicalPath(text: string): string | Errno {
  if (!text.isWellFormed()) return EILSEQ;
  if (text.includes("\0")) return EINVAL;
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else if (byteLength(part) > NAME_BYTES_MAX) return ENAMETOOLONG;
    else parts.push(part);
  }
  const path = `/${parts.join("/")}`;
  return byteLength(path) > PATH_BYTES_MAX ? ENAMETOOLONG : path;
}

function byteLength(text: string): number {
  return text.length * 3 <= NAME_BYTES_MAX ? text.length : encoder.encode(text).length;
}

/** True when `path` is `root` or lies beneath it. Both canonical. */
export function isBeneath(root: string, path: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}

/** Formats as `scheme:/path`. */
export function formatUrl(url: SchemeUrl): string {
  return `${url.scheme}:${url.path}`;
}
