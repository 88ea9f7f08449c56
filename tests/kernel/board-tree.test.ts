/** What the kernel takes from a device tree: devices that the bus has a window for, and memory. */

import { describe, expect, it } from "vitest";
import { flattenDeviceTree, type TreeNode } from "../../hw/device-tree.js";
import { readBoardTree } from "../../kernel/board-tree.js";

const reg = (base: number, size: number): number[] => [0, base, 0, size];
const device = (name: string, compatible: string, at: number[], spi: number): TreeNode => ({
  name,
  properties: { compatible, reg: at, interrupts: [0, spi, 4] },
});

function board(children: TreeNode[]): Uint8Array {
  const properties = { "#address-cells": [2], "#size-cells": [2] };
  return flattenDeviceTree({ name: "", properties, children });
}

describe("device tree: the kernel's reading", () => {
  it("devices: those with a window, by address, as the tree describes them", () => {
    const tree = board([
      device("disk@2000", "virtio,mmio", reg(0x2000, 0x200), 7),
      device("uart@1000", "arm,pl011", reg(0x1000, 0x1000), 1),
      device("clock@9000", "fixed-clock", reg(0x9000, 0x1000), 3),
    ]);
    const windows = [
      { base: 0x1000, size: 0x1000 },
      { base: 0x2000, size: 0x100, virtioDevice: 2 },
    ];
    expect(readBoardTree(tree, windows)?.devices).toEqual([
      { window: 0, name: "uart@1000", compatible: ["arm,pl011"], size: 0x1000, lines: [33] },
      {
        window: 1,
        name: "disk@2000",
        compatible: ["virtio,mmio"],
        // Never more than the bus gives.
        size: 0x100,
        lines: [39],
        virtioDevice: 2,
      },
    ]);
  });

  it("memory: from its node; none without one", () => {
    const memory = { device_type: "memory", reg: [0x1, 0x4000_0000, 0, 0x1000_0000] };
    const tree = board([{ name: "memory@140000000", properties: memory }]);
    expect(readBoardTree(tree, [])?.memory).toEqual({ base: 0x1_4000_0000, size: 0x1000_0000 });
    expect(readBoardTree(board([]), [])?.memory).toEqual({ base: 0, size: 0 });
  });

  it("what is no tree gives undefined", () => {
    expect(readBoardTree(new Uint8Array(64), [])).toBeUndefined();
  });
});
