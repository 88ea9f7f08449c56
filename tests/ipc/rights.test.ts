/** Rights: names and masks lead to each other, and a word that is no right is refused. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatRights,
  parseRights,
  RIGHT_CREATE,
  RIGHT_LIST,
  RIGHT_READ,
  RIGHTS_ALL,
} from "../../ipc/rights.js";

describe("rights", () => {
  it("rights: words become bits, in any order and with any blanks", () => {
    expect(parseRights("read")).toBe(RIGHT_READ);
    expect(parseRights(" list  read read ")).toBe(RIGHT_READ | RIGHT_LIST);
    expect(parseRights("")).toBe(0);
    expect(parseRights("all")).toBe(RIGHTS_ALL);
    expect(parseRights("create all")).toBe(RIGHTS_ALL);
  });

  it("rights: a word that is no right is refused, not ignored", () => {
    for (const text of ["reed", "read,write", "READ", "read none", "read\twrite", "toString"]) {
      expect(parseRights(text), `${text}`).toBeUndefined();
    }
  });

  it("rights: a mask is printed in a fixed order", () => {
    expect(formatRights(RIGHT_CREATE | RIGHT_READ)).toBe("read create");
    expect(formatRights(0)).toBe("");
    expect(formatRights(RIGHTS_ALL)).toBe("all");
  });

  it("rights: every mask survives being printed and parsed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: RIGHTS_ALL }), (mask) => {
        expect(parseRights(formatRights(mask))).toBe(mask);
      }),
    );
  });
});
