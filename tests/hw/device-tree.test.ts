/* The device tree: drivers find what the board writes; hostile blobs only give undefined. */
import { describe, expect, test } from "vitest";
import { VIRT } from "../../hw/boards/virt.js";
import { boardDeviceTree, flattenDeviceTree, type TreeNode } from "../../hw/device-tree.js";
import {
  type DeviceTreeNode,
  findDevices,
  findNode,
  parseDeviceTree,
  propertyCells,
  propertyStrings,
} from "../../ipc/device-tree.js";

function parsed(blob: Uint8Array): DeviceTreeNode {
  const root = parseDeviceTree(blob);
  if (root === undefined) throw new RangeError("the tree does not parse");
  return root;
}

describe("device tree of the board", () => {
  const root = parsed(boardDeviceTree(VIRT));

  test("leads a UART driver to its registers and interrupt", () => {
    expect(findDevices(root, "arm,pl011")).toEqual([
      {
        path: "/pl011@9000000",
        compatible: ["arm,pl011", "arm,primecell"],
        reg: [{ base: 0x0900_0000, size: 0x1000 }],
        interrupts: [{ intid: 33, edge: false }],
      },
    ]);
  });

  test("has 32 virtio slots with edge interrupts from SPI 16 on", () => {
    const slots = findDevices(root, "virtio,mmio");
    expect(slots).toHaveLength(32);
    expect(slots[3]).toEqual({
      path: "/virtio_mmio@a000600",
      compatible: ["virtio,mmio"],
      reg: [{ base: 0x0a00_0600, size: 0x200 }],
      interrupts: [{ intid: 51, edge: true }],
    });
  });

  test("has the interrupt controller, memory, timer and console", () => {
    expect(findDevices(root, "arm,cortex-a15-gic")[0]?.reg).toEqual([
      { base: 0x0800_0000, size: 0x1_0000 },
      { base: 0x0801_0000, size: 0x1_0000 },
    ]);
    expect(findDevices(root, "arm,armv8-timer")[0]?.interrupts.map(({ intid }) => intid)).toEqual([
      29, 30, 27, 26,
    ]);
    const memory = findNode(root, "/memory@40000000");
    expect(memory && propertyCells(memory, "reg")).toEqual([0, 0x4000_0000, 0, 0x0800_0000]);
    const chosen = findNode(root, "/chosen");
    expect(chosen && propertyStrings(chosen, "stdout-path")).toEqual(["/pl011@9000000"]);
  });
});

describe("device tree: writer and parser", () => {
  test("agree on every kind of property, and on nesting", () => {
    const tree: TreeNode = {
      name: "",
      properties: { cells: [0, 1, 0xffffffff], flag: true, text: "a", list: ["", "bc"] },
      children: [{ name: "x@1", properties: {}, children: [{ name: "y", properties: {} }] }],
    };
    const root = parsed(flattenDeviceTree(tree));
    expect(propertyCells(root, "cells")).toEqual([0, 1, 0xffffffff]);
    expect(root.properties.get("flag")).toEqual(new Uint8Array());
    expect(propertyStrings(root, "text")).toEqual(["a"]);
    expect(propertyStrings(root, "list")).toEqual(["", "bc"]);
    expect(findNode(root, "/x@1/y")?.name).toBe("y");
    expect(findNode(root, "/x@1/z")).toBeUndefined();
  });

  test("trees that are too deep or too large are refused", () => {
    let node: TreeNode = { name: "leaf", properties: {} };
    for (let depth = 0; depth < 1000; depth++)
      node = { name: "n", properties: {}, children: [node] };
    expect(parseDeviceTree(flattenDeviceTree(node))).toBeUndefined();
    expect(parseDeviceTree(new Uint8Array((1 << 20) + 1))).toBeUndefined();
  });

  test("damaged trees neither throw nor hang", () => {
    const seed = Number(process.env["ANODE_SEED"] ?? Date.now() % 2 ** 31);
    let state = seed;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % limit;
    };
    const good = boardDeviceTree(VIRT);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const blob = good.slice(0, random(4) === 0 ? random(good.length) : good.length);
      const reach = random(2) === 0 ? 64 : blob.length;
      for (let i = random(6); i >= 0; i--)
        blob[random(reach)] = random(3) === 0 ? 0xff : random(256);
      const attempt = (): void => {
        const root = parseDeviceTree(blob);
        if (root === undefined) refused++;
        else findDevices(root, "virtio,mmio");
      };
      expect(attempt, `seed ${seed}, round ${round}`).not.toThrow();
    }
    expect(refused, `seed ${seed}`).toBeGreaterThan(1000);
  });
});
