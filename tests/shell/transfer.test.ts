/** Moving bytes between files that take and give less than they are asked for. */

import { describe, expect, it } from "vitest";
import type { BlockingFile } from "../../user/file.js";
import { copyAll, readFull, writeAll } from "../../user/transfer.js";

/** A file that moves at most `most` bytes at a time. */
function slowFile(most: number, text = ""): BlockingFile & { written: string } {
  let left = Buffer.from(text);
  const file = {
    written: "",
    read(bytes: Uint8Array): number {
      const count = left.copy(bytes, 0, 0, most);
      left = left.subarray(count);
      return count;
    },
    write(bytes: Uint8Array): number {
      const part = bytes.subarray(0, most);
      file.written += Buffer.from(part).toString();
      return part.length;
    },
  };
  return file as unknown as BlockingFile & { written: string };
}

describe("transfer", () => {
  it("transfer: a partial write goes on where it stopped", () => {
    const file = slowFile(3);
    writeAll(file, "0123456789");
    expect(file.written).toBe("0123456789");
  });

  it("transfer: a write that takes nothing is EIO, not an endless loop", () => {
    expect(() => writeAll(slowFile(0), "x")).toThrow(expect.objectContaining({ code: "EIO" }));
    writeAll(slowFile(0), "");
  });

  it("transfer: a block is filled from partial reads until the end", () => {
    const file = slowFile(3, "0123456789");
    const block = new Uint8Array(8);
    expect(readFull(file, block)).toBe(8);
    expect(Buffer.from(block).toString()).toBe("01234567");
    expect(readFull(file, block)).toBe(2);
    expect(readFull(file, block)).toBe(0);
  });

  it("transfer: a copy counts all bytes", () => {
    const target = slowFile(2);
    expect(copyAll(slowFile(3, "0123456789"), target)).toBe(10);
    expect(target.written).toBe("0123456789");
  });
});
