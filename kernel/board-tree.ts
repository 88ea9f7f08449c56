/** What the kernel reads in the board's device tree: its memory, and what drivers can be given. */

import type { BusWindow, DeviceInfo } from "../ipc/board-mail.js";
import {
  allDevices,
  type DeviceTreeNode,
  nodeRegisters,
  parseDeviceTree,
  propertyStrings,
} from "../ipc/device-tree.js";

/** A board, as far as the kernel has to do with it. */
export interface BoardDescription {
  /** Devices that have a window on the bus, in the order of their addresses. */
  devices: DeviceInfo[];
  /** Guest memory, in bytes; of size 0 when the tree has none. */
  memory: { base: number; size: number };
}

/**
 * Reads a flattened device tree. What the tree says of a device counts; a node without a window (a
 * clock, a CPU) is nobody's to drive.
 * @param windows - what the bus can give to drivers
 * @returns undefined when `blob` is no device tree
 */
export function readBoardTree(
  blob: Uint8Array,
  windows: readonly BusWindow[],
): BoardDescription | undefined {
  const root = parseDeviceTree(blob);
  if (root === undefined) return undefined;
  return { devices: drivable(root, windows), memory: memoryOf(root) };
}

function drivable(root: DeviceTreeNode, windows: readonly BusWindow[]): DeviceInfo[] {
  const found: { base: number; info: DeviceInfo }[] = [];
  for (const { path, compatible, reg, interrupts } of allDevices(root)) {
    const [first] = reg;
    const window = windows.findIndex(({ base }) => base === first?.base);
    const bus = windows[window];
    if (first === undefined || bus === undefined) continue;
    const info: DeviceInfo = {
      window,
      name: path.slice(path.lastIndexOf("/") + 1),
      compatible,
      size: Math.min(first.size, bus.size),
      lines: interrupts.map(({ intid }) => intid),
    };
    if (bus.virtioDevice !== undefined) info.virtioDevice = bus.virtioDevice;
    found.push({ base: first.base, info });
  }
  return found.sort((a, b) => a.base - b.base).map(({ info }) => info);
}

function memoryOf(root: DeviceTreeNode): { base: number; size: number } {
  const node = root.children.find((child) =>
    propertyStrings(child, "device_type").includes("memory"),
  );
  const [first] = node === undefined ? [] : nodeRegisters(node, root);
  return first ?? { base: 0, size: 0 };
}
