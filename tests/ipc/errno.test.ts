/** The table of operating errors: Linux's numbers, one constant each, and what counts as one. */

import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../ipc/assert.js";
import {
  allErrnos,
  EBADMSG,
  EIO,
  ENOENT,
  Errno,
  errnoFromNumber,
  errnoOf,
} from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";

describe("errno: the table", () => {
  it("errno: codes and numbers are unique, and the numbers go up", () => {
    const all = allErrnos();
    expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
    const numbers = all.map(({ errno }) => errno);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it.runIf(process.platform === "linux")("errno: every number is the one of Linux", () => {
    const host = constants.errno as Readonly<Record<string, number>>;
    for (const { code, errno } of allErrnos()) {
      if (code in host) expect(errno, `${code}`).toBe(host[code]);
      else expect(Object.values(host), `${code}`).not.toContain(errno);
    }
  });

  it("errno: a number leads back to its constant, an unknown one to EIO", () => {
    for (const error of allErrnos()) expect(errnoFromNumber(error.errno)).toBe(error);
    for (const wild of [0, -2, 2.5, 4096, Number.NaN]) expect(errnoFromNumber(wild)).toBe(EIO);
  });

  it("errno: a constant is frozen and says symbol and text", () => {
    expect(Object.isFrozen(ENOENT)).toBe(true);
    expect(String(ENOENT)).toBe("ENOENT: no such file or directory");
  });
});

describe("errno: what was thrown", () => {
  it("errnoOf: knows a constant, a SysError, and another copy of this module", () => {
    expect(errnoOf(ENOENT)).toBe(ENOENT);
    expect(errnoOf(new SysError(EBADMSG, { operation: "call" }))).toBe(EBADMSG);
    expect(errnoOf({ code: "ENOENT", errno: 2, message: "" })).toBe(ENOENT);
  });

  it("errnoOf: a bug is no operating error", () => {
    const bugs = [new TypeError("x"), new AssertionError("x"), undefined, null, "ENOENT", 2];
    for (const bug of bugs) expect(errnoOf(bug)).toBeUndefined();
  });

  it("errnoOf: symbol and number must belong together", () => {
    const node = Object.assign(new TypeError("x"), { code: "ENOENT", errno: -2 });
    expect(errnoOf(node)).toBeUndefined();
    expect(errnoOf({ code: "EIO", errno: 2 })).toBeUndefined();
    expect(errnoOf({ code: "EWHAT", errno: 9999 })).toBeUndefined();
    expect(errnoOf(new Errno("EIO", 5, "mine"))?.errno).toBe(5);
  });
});

describe("errno: what a caller sees", () => {
  it("SysError: says operation, URL, cause, outcome and hint", () => {
    const error = SysError.fromResult(-5, {
      operation: "write",
      url: "disk:/0",
      outcome: "poison",
      incarnation: { old: 1, now: 2 },
      hint: "see sys:/faults",
    });
    expect(error.message).toBe(
      "write disk:/0: input/output error (EIO) (outcome: poison); see sys:/faults",
    );
    expect(error).toMatchObject({ code: "EIO", errno: 5, incarnation: { old: 1, now: 2 } });
  });
});
