/** The argument parser of the programs, and the small readers of sizes and URLs beside it. */

import { describe, expect, it } from "vitest";
import { type ArgumentRules, parseArguments } from "../../user/arguments.js";
import { formatByteSize, parseByteSize } from "../../user/byte-size.js";
import { childUrl, displayUrl, isUrlBeneath, lastName, parentUrl } from "../../user/url-path.js";

const RULES: ArgumentRules = {
  flags: { "-l": "", "-a": "", "--json": "" },
  values: { "-n": "", "--nth": "" },
  operands: [0, 3],
};

function parsed(line: string) {
  const given = parseArguments(line === "" ? [] : line.split(" "), RULES);
  if (typeof given === "string") return given;
  return [[...given.flags], Object.fromEntries(given.values), given.operands];
}

describe("arguments", () => {
  it.each([
    ["", [[], {}, []]],
    ["a - b", [[], {}, ["a", "-", "b"]]],
    ["-l a -a", [["-l", "-a"], {}, ["a"]]],
    ["-la --json", [["-l", "-a", "--json"], {}, []]],
    ["-n 5 --nth 3", [[], { "-n": "5", "--nth": "3" }, []]],
    ["-n5 --nth=3", [[], { "-n": "5", "--nth": "3" }, []]],
    ["-ln 5", [["-l"], { "-n": "5" }, []]],
    ["-n -5", [[], { "-n": "-5" }, []]],
    ["--nth=", [[], { "--nth": "" }, []]],
    ["-- -l --json", [[], {}, ["-l", "--json"]]],
    ["-x", "unknown option -x"],
    ["-lx", "unknown option -x"],
    ["--constructor", "unknown option --constructor"],
    ["--json=1", "option --json takes no value"],
    ["--nth", "option --nth needs a value"],
    ["a b c d", "too many arguments"],
  ])("arguments: %j", (line, expected) => {
    expect(parsed(line)).toEqual(expected);
  });
});

describe("byte size", () => {
  it.each([
    ["0", 0],
    ["512", 512],
    ["4K", 4096],
    ["4k", 4096],
    ["4KiB", 4096],
    ["4M", 4_194_304],
    ["1G", 1_073_741_824],
    ["2T", 2_199_023_255_552],
    ["", undefined],
    ["K", undefined],
    ["-1", undefined],
    ["1.5M", undefined],
    ["9007199254740992", undefined],
    ["9999T", undefined],
  ])("byte size: %j is %j", (text, size) => {
    expect(parseByteSize(text)).toBe(size);
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [200 * 1024, "200 KiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
  ])("byte size: %d is written %j", (size, text) => {
    expect(formatByteSize(size)).toBe(text);
  });
});

describe("url path", () => {
  it("url path: takes canonical URLs apart and together", () => {
    expect(childUrl("ram:/", "a")).toBe("ram:/a");
    expect(childUrl("ram:/a", "b")).toBe("ram:/a/b");
    expect(lastName("ram:/a/b")).toBe("b");
    expect(lastName("ram:/")).toBe("");
    expect(parentUrl("ram:/a/b")).toBe("ram:/a");
    expect(parentUrl("ram:/a")).toBe("ram:/");
    expect(parentUrl("ram:/")).toBe("ram:/");
    expect(isUrlBeneath("ram:/a", "ram:/a/b")).toBe(true);
    expect(isUrlBeneath("ram:/a", "ram:/a")).toBe(true);
    expect(isUrlBeneath("ram:/a", "ram:/ab")).toBe(false);
    expect(isUrlBeneath("ram:/", "ram:/ab")).toBe(true);
    expect(displayUrl("file:/etc")).toBe("/etc");
    expect(displayUrl("ram:/etc")).toBe("ram:/etc");
  });
});
