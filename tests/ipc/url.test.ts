/** URLs: one canonical form. The parser is total, and no spelling of `..` leaves the root. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EILSEQ, EINVAL, ENAMETOOLONG, ENOENT, Errno } from "../../ipc/errno.js";
import { NAME_BYTES_MAX, PATH_BYTES_MAX, SCHEME_NAME_MAX } from "../../ipc/limits.js";
import {
  canonicalPath,
  formatUrl,
  isBeneath,
  isSchemeName,
  parseUrl,
  type SchemeUrl,
} from "../../ipc/url.js";

function canonical(text: string): string | Errno {
  const url = parseUrl(text);
  return url instanceof Errno ? url : formatUrl(url);
}

describe("url: canonical form", () => {
  it.each([
    ["file:/etc/motd", "file:/etc/motd"],
    ["tcp:/10.0.2.2:80", "tcp:/10.0.2.2:80"],
    ["disk:", "disk:/"],
    ["disk:0", "disk:/0"],
    ["/", "file:/"],
    ["//", "file:/"],
    ["/etc/motd", "file:/etc/motd"],
    ["/a:b", "file:/a:b"],
    ["file://a///b//", "file:/a/b"],
    ["file:/a/./b/.", "file:/a/b"],
    ["file:/a/b/../c", "file:/a/c"],
    ["file:/../../a/../..", "file:/"],
    ["file:/a/...", "file:/a/..."],
    ["file:/a/..b", "file:/a/..b"],
    ["file:..", "file:/"],
    ["/scheme/tcp/1.2.3.4", "tcp:/1.2.3.4"],
    ["/scheme/tcp", "tcp:/"],
    ["/scheme/tcp/", "tcp:/"],
    ["/scheme/file/../x", "file:/x"],
    ["/scheme", "file:/scheme"],
    ["file:/scheme/tcp/1", "file:/scheme/tcp/1"],
    ["file:/ü/日本", "file:/ü/日本"],
  ])("url: %s is %s", (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it.each([
    ["", ENOENT],
    ["etc", EINVAL],
    ["etc/motd", EINVAL],
    [":/x", EINVAL],
    ["File:/x", EINVAL],
    ["1x:/", EINVAL],
    ["../x:/y", EINVAL],
    ["/scheme/", EINVAL],
    ["/scheme//x", EINVAL],
    ["/scheme/../etc", EINVAL],
    ["file:/a\0b", EINVAL],
    ["fi\0le:/a", EINVAL],
    ["file:/\ud800", EILSEQ],
    ["file:/a/\udfff/../b", EILSEQ],
  ])("url: %j is refused", (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });
});

describe("url: limits", () => {
  it("url: the longest scheme name passes, one more is ENAMETOOLONG", () => {
    const longest = "s".repeat(SCHEME_NAME_MAX);
    expect(canonical(`${longest}:/`)).toBe(`${longest}:/`);
    expect(canonical(`${longest}s:/`)).toBe(ENAMETOOLONG);
    expect([isSchemeName(longest), isSchemeName(`${longest}s`)]).toEqual([true, false]);
  });

  it("url: a name is measured in bytes of UTF-8", () => {
    expect(canonical(`/${"x".repeat(NAME_BYTES_MAX)}`)).toBe(`file:/${"x".repeat(NAME_BYTES_MAX)}`);
    expect(canonical(`/${"x".repeat(NAME_BYTES_MAX + 1)}`)).toBe(ENAMETOOLONG);
    expect(canonical(`/${"日".repeat(NAME_BYTES_MAX / 3)}`)).toBeTypeOf("string");
    expect(canonical(`/${"日".repeat(NAME_BYTES_MAX / 3)}x`)).toBe(ENAMETOOLONG);
  });

  it("url: a path is measured in bytes of UTF-8", () => {
    const name = "/xxxxxxx";
    expect(canonical(name.repeat(PATH_BYTES_MAX / 8))).toBeTypeOf("string");
    expect(canonical(`${name.repeat(PATH_BYTES_MAX / 8)}/x`)).toBe(ENAMETOOLONG);
    expect(canonical("/日日".repeat(PATH_BYTES_MAX / 7))).toBeTypeOf("string");
    expect(canonical("/日日".repeat(PATH_BYTES_MAX / 7 + 1))).toBe(ENAMETOOLONG);
    expect(canonical("x".repeat(100_000_000))).toBe(ENAMETOOLONG);
  });
});

describe("url: isBeneath", () => {
  it.each([
    ["/", "/", true],
    ["/", "/a", true],
    ["/a", "/a", true],
    ["/a", "/a/b", true],
    ["/a", "/ab", false],
    ["/a/b", "/a", false],
    ["/a", "/", false],
  ])("url: beneath %s lies %s: %s", (root, path, expected) => {
    expect(isBeneath(root, path)).toBe(expected);
  });
});

const piece = fc.oneof(
  fc.constantFrom("/", "//", ".", "..", "/../", "/./", "scheme/", "/scheme/", "a:", ":", "\0"),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.string({ maxLength: 4 }),
);
const hostile = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));

describe("url: properties", () => {
  it("url: parsing is total, and what it accepts is canonical", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const url = parseUrl(text);
        if (url instanceof Errno) return;
        expect(isSchemeName(url.scheme)).toBe(true);
        expect(url.path).toMatch(/^\/(?:[^/\0]+(?:\/[^/\0]+)*)?$/u);
        expect(url.path.split("/").some((part) => part === "." || part === "..")).toBe(false);
        expect(url.path.isWellFormed()).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it("url: the canonical form is its own canonical form", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const url = parseUrl(text);
        if (url instanceof Errno) return;
        expect(parseUrl(formatUrl(url))).toEqual(url);
        expect(canonicalPath(url.path)).toBe(url.path);
        expect(parseUrl(`/scheme/${url.scheme}${url.path}`)).toEqual(url);
      }),
      { numRuns: 5000 },
    );
  });

  it("url: joined to a root and resolved beneath it, no path escapes", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const inner = canonicalPath(text);
        if (typeof inner !== "string") return;
        const joined = parseUrl(`file:/root${inner}`);
        if (joined instanceof Errno) expect(joined).toBe(ENAMETOOLONG);
        else expect(isBeneath("/root", (joined as SchemeUrl).path)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
