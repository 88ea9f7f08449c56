/* Boards by description: what can be said, what a file can hold, and what the errors name. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseBoard } from "../../cli/board-option.js";
import { boot } from "../../cli/boot.js";
import { Board } from "../../hw/board.js";
import { type BoardMap, checkBoardMap } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { memoryDisk } from "../../hw/disk.js";
import { planSlots } from "../../hw/virtio-slots.js";
import { findNode, parseDeviceTree } from "../../ipc/device-tree.js";

const folder = mkdtempSync(join(tmpdir(), "anode-board-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, "board.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** Disks that a board has slots for. */
function diskSlots(map: BoardMap): number {
  let disks = 0;
  for (;;) {
    try {
      planSlots(map, { disks: disks + 1, networks: 0, consoles: 0 });
      disks++;
    } catch {
      return disks;
    }
  }
}

/** `VIRT` as JSON, with one field changed; a path like "devices.0.spi". */
function changed(path: string, value: unknown): Record<string, unknown> {
  const map = JSON.parse(JSON.stringify(VIRT)) as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  let place = map;
  for (const name of names) place = place[name] as Record<string, unknown>;
  place[last] = value;
  return map;
}

describe("board by name", () => {
  test("virt is the literal, and it passes the check", async () => {
    expect(await parseBoard("virt")).toEqual(VIRT);
    expect(() => checkBoardMap(VIRT)).not.toThrow();
    expect(diskSlots(VIRT)).toBe(32);
  });

  test("disks take the first slots, network devices the last, memory is as asked", async () => {
    const map = await parseBoard("virt,disks=2,nics=1,memory=256M");
    const slots = map.devices.filter(({ kind }) => kind === "virtio-mmio");
    expect(slots.map(({ holds }) => holds)).toEqual([
      "disk",
      "disk",
      ...new Array<string>(29).fill("other"),
      "nic",
    ]);
    expect([diskSlots(map), map.ram.size]).toEqual([2, 0x1000_0000]);
    const root = parseDeviceTree(new Board(map).deviceTree);
    const reg = root && findNode(root, "/memory@40000000")?.properties.get("reg");
    expect(Buffer.from(reg ?? []).toString("hex")).toBe("00000000400000000000000010000000");
  });

  test("without disks=N all slots that hold no network device are for disks", async () => {
    const map = await parseBoard("virt,nics=2");
    expect(diskSlots(map)).toBe(30);
    const disks = Array.from({ length: 31 }, () => ({ backend: memoryDisk(new Uint8Array(512)) }));
    expect(() => new Board(map, { disks: disks.slice(1) })).not.toThrow();
    expect(() => new Board(map, { disks })).toThrow("slots for 30 disks, not for 31");
  });

  test.each([
    ["warp", 'there is no board "warp"; known: virt'],
    ["toString", 'there is no board "toString"'],
    ["", 'there is no board ""'],
    ["virt,disk=2", 'unknown option "disk"; known: disks, nics, memory'],
    ["virt,", 'unknown option ""'],
    ["virt,disks", 'disks: "disks" is not disks=VALUE'],
    ["virt,disks=1=2", 'disks: "disks=1=2" is not disks=VALUE'],
    ["virt,disks=two", 'disks: "two" is not a number'],
    ["virt,disks=-1", 'disks: "-1" is not a number'],
    ["virt,disks=1,disks=2", "disks: is there twice"],
    ["virt,disks=33", "disks, nics: disks=33,nics=0 do not fit, virt has 32 slots"],
    ["virt,nics=33", "disks, nics: nics=33 do not fit, virt has 32 slots"],
    ["virt,memory=lots", 'memory: "lots" is not a size'],
    ["virt,memory=1K", 'memory: "1K" is not from 16M to 16G in whole pages'],
    ["virt,memory=17G", 'memory: "17G" is not from 16M'],
    ["virt,memory=16777217", "in whole pages"],
  ])("%s is refused: %s", async (text, message) => {
    await expect(parseBoard(text)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(parseBoard(text)).rejects.toThrow(message);
  });
});

describe("board from a file", () => {
  test("virt, written as JSON, is the same board", async () => {
    expect(await parseBoard(file(VIRT))).toEqual(VIRT);
  });

  test("addresses can be hexadecimal strings", async () => {
    const map = await parseBoard(file(changed("ram.base", "0x50000000")));
    expect(map.ram.base).toBe(0x5000_0000);
  });

  test.each([
    ["name", 7, "name: "],
    ["clockHz", 0, "clockHz: "],
    ["ram.base", "40000000", 'ram.base: must be a number, or a string like "0x9000000"'],
    ["ram.size", 0, "ram.size: "],
    ["gic.spiCount", 100, "gic.spiCount: "],
    ["timer.ppis", [1, 2], "timer.ppis: "],
    ["devices.3.kind", "warp-core", "devices.3.kind: "],
    ["devices.0.name", "a b", "devices.0.name: must be a device tree node's name"],
    ["devices.0.colour", "red", "devices.0: "],
    ["devices.0.spi", 256, "devices.0.spi: 256, but gic.spiCount is 256"],
    ["devices.1.spi", 1, "devices.1.spi: 1 is that of devices.0"],
    ["devices.2.spi", 1, "devices.2.spi: 1 is that of devices.0"],
    ["devices.1.window.base", 0x0900_0800, "devices.1.window: overlaps devices.0.window"],
    ["devices.1.window.base", 0x0901_0004, "devices.1.window.base: is not a multiple of 8"],
    ["devices.1.window.size", 0x800, "devices.1.window.size: pl031 needs at least 4096 bytes"],
    ["devices.2.window.size", 16, "devices.2.window.size: fw-cfg needs at least 24 bytes"],
    ["devices.0.holds", "disk", "devices.0.holds: pl011 is no slot"],
    ["ram.base", 0x0a00_0000, "overlaps"],
  ])("%s = %j is refused: %s", async (path, value, message) => {
    await expect(parseBoard(file(changed(path, value)))).rejects.toThrow(message);
  });

  test("a device without its interrupt is refused", async () => {
    const board = changed("devices.0.spi", 1);
    delete (board["devices"] as Record<string, unknown>[])[0]?.["spi"];
    await expect(parseBoard(file(board))).rejects.toThrow("devices.0.spi: pl011 needs one");
  });

  test("a file that is not there, is no JSON, is no object, or is too long", async () => {
    await expect(parseBoard(join(folder, "none.json"))).rejects.toThrow("ENOENT");
    await expect(parseBoard(file("{"))).rejects.toThrow("not JSON");
    await expect(parseBoard(file("7"))).rejects.toThrow("the file: ");
    await expect(parseBoard(file(" ".repeat(2 ** 20 + 1)))).rejects.toThrow("longer than 1 MiB");
  });
});

describe("boot with a board", () => {
  test("more disks than slots, and a wrong board, are refused before anything starts", async () => {
    const none = join(folder, "never-opened.img");
    const { port1 } = new MessageChannel();
    await expect(boot({ board: "virt,disks=1", disk: [none, none] })).rejects.toThrow(
      "the board has slots for 1 disks, not for 2",
    );
    await expect(boot({ disk: new Array<string>(33).fill(none) })).rejects.toThrow(
      "the board has slots for 32 disks, not for 33",
    );
    await expect(boot({ board: "virt,disks=1,nics=31", consolePorts: [port1] })).rejects.toThrow(
      "the board has slots for 0 consoles, not for 1",
    );
    port1.close();
    await expect(boot({ board: "virt,disks=x" })).rejects.toThrow(/EINVAL.*disks: "x"/s);
  });

  test("a machine runs on a board from a file", async () => {
    const window = { base: 0x0911_0000, size: 0x1000 };
    const os = await boot({ board: file(changed("devices.1.window", window)) });
    try {
      await using file = await os.open("rtc:/time");
      expect(Number((await file.readAll()).toString())).toBeGreaterThan(1_600_000_000);
    } finally {
      await os.close();
    }
  });
});
