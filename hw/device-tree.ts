/*
 * Writes a flattened device tree (Devicetree Specification 0.4, chapter 5), and builds the one that
 * describes a board from its address map. The parser is ipc/device-tree.ts.
 */
import { type BoardMap, type DeviceEntry, deviceName, type Range } from "./board-map.js";

import { PSCI, PSCI_COMPATIBLE } from "./regs/psci.js";

/** A property value: cells, strings, or just being there. */
export type PropertyValue = readonly number[] | string | readonly string[] | true;

/** A node to be written. */
export interface TreeNode {
  name: string;
  properties: Record<string, PropertyValue>;
  children?: TreeNode[];
}

const MAGIC = 0xd00dfeed;
const HEADER_BYTES = 40;
const RESERVATION_BYTES = 16; // One empty entry ends the list.
const VERSION = 17;
const LAST_COMPATIBLE_VERSION = 16;
const TOKEN = { BEGIN_NODE: 1, END_NODE: 2, PROP: 3, END: 9 } as const;

const PHANDLE = { clock: 0x8000, cpu: 0x8001, gic: 0x8002, gpio: 0x8004 } as const;
const INTERRUPT_KIND = { SPI: 0, PPI: 1 } as const;
const TRIGGER = { edge: 1, level: 4 } as const;
/** Linux's code of the power key. */
const KEY_POWER = 0x74;
/** Flags of a timer interrupt: level low, on CPU 0. */
const TIMER_FLAGS = 0x104;

/** The blob for a tree of nodes. */
export function flattenDeviceTree(root: TreeNode): Uint8Array {
  const structure: number[] = [];
  const strings: number[] = [];
  const offsets = new Map<string, number>();
  const nameOffset = (name: string): number => {
    const known = offsets.get(name);
    if (known !== undefined) return known;
    offsets.set(name, strings.length);
    const start = strings.length;
    strings.push(...zeroTerminated(name));
    return start;
  };
  const visit = (node: TreeNode): void => {
    structure.push(...cell(TOKEN.BEGIN_NODE), ...padded(zeroTerminated(node.name)));
    for (const [name, value] of Object.entries(node.properties)) {
      const bytes = encode(value);
      structure.push(...cell(TOKEN.PROP), ...cell(bytes.length), ...cell(nameOffset(name)));
      structure.push(...padded(bytes));
    }
    for (const child of node.children ?? []) visit(child);
    structure.push(...cell(TOKEN.END_NODE));
  };
  visit(root);
  structure.push(...cell(TOKEN.END));
  const structureAt = HEADER_BYTES + RESERVATION_BYTES;
  const stringsAt = structureAt + structure.length;
  const header = [
    MAGIC,
    stringsAt + strings.length,
    structureAt,
    stringsAt,
    HEADER_BYTES,
    VERSION,
    LAST_COMPATIBLE_VERSION,
    0,
    strings.length,
    structure.length,
  ].flatMap(cell);
  return Uint8Array.from([...header, ...padding(RESERVATION_BYTES), ...structure, ...strings]);
}

/** The tree that describes a board. */
export function boardDeviceTree(map: BoardMap): Uint8Array {
  const console = map.devices.find((entry) => entry.kind === "pl011");
  const stdout = console === undefined ? {} : { "stdout-path": `/${deviceName(console)}` };
  return flattenDeviceTree({
    name: "",
    properties: {
      "#address-cells": [2],
      "#size-cells": [2],
      compatible: map.compatible,
      model: map.compatible,
      "interrupt-parent": [PHANDLE.gic],
    },
    children: [
      { name: "chosen", properties: stdout },
      {
        name: `memory@${map.ram.base.toString(16)}`,
        properties: { device_type: "memory", reg: reg(map.ram) },
      },
      cpus(map),
      {
        name: "apb-pclk",
        properties: {
          compatible: "fixed-clock",
          "#clock-cells": [0],
          "clock-frequency": [map.clockHz],
          "clock-output-names": "clk24mhz",
          phandle: [PHANDLE.clock],
        },
      },
      {
        name: "timer",
        properties: {
          compatible: map.timer.compatible,
          interrupts: map.timer.ppis.flatMap((ppi) => [INTERRUPT_KIND.PPI, ppi, TIMER_FLAGS]),
          "always-on": true,
        },
      },
      {
        name: `${map.gic.name}@${map.gic.distributor.base.toString(16)}`,
        properties: {
          compatible: map.gic.compatible,
          "#interrupt-cells": [3],
          "#address-cells": [2],
          "#size-cells": [2],
          "interrupt-controller": true,
          reg: reg(map.gic.distributor, map.gic.cpuInterface),
          phandle: [PHANDLE.gic],
        },
      },
      psci(),
      ...map.devices.map(device),
      ...powerKey(map),
    ],
  });
}

/** How an operating system calls its firmware. */
function psci(): TreeNode {
  return {
    name: "psci",
    properties: {
      compatible: PSCI_COMPATIBLE,
      method: "hvc",
      cpu_suspend: [PSCI.CPU_SUSPEND],
      cpu_off: [PSCI.CPU_OFF],
      cpu_on: [PSCI.CPU_ON],
    },
  };
}

/** The power key is a pin of the first PL061. */
function powerKey(map: BoardMap): TreeNode[] {
  if (!map.devices.some((entry) => entry.kind === "pl061")) return [];
  const poweroff = {
    name: "poweroff",
    properties: {
      label: "GPIO Key Poweroff",
      "linux,code": [KEY_POWER],
      gpios: [PHANDLE.gpio, map.powerKeyPin, 0],
    },
  };
  return [{ name: "gpio-keys", properties: { compatible: "gpio-keys" }, children: [poweroff] }];
}

function cpus(map: BoardMap): TreeNode {
  return {
    name: "cpus",
    properties: { "#address-cells": [1], "#size-cells": [0] },
    children: [
      {
        name: "cpu@0",
        properties: {
          device_type: "cpu",
          compatible: map.cpuCompatible,
          reg: [0],
          phandle: [PHANDLE.cpu],
        },
      },
    ],
  };
}

function device(entry: DeviceEntry, index: number, all: readonly DeviceEntry[]): TreeNode {
  const { kind, spi, trigger = "level" } = entry;
  const interrupts =
    spi === undefined ? {} : { interrupts: [INTERRUPT_KIND.SPI, spi, TRIGGER[trigger]] };
  const isFirst = all.findIndex((other) => other.kind === kind) === index;
  return {
    name: deviceName(entry),
    properties: {
      compatible: entry.compatible,
      reg: reg(entry.window),
      ...interrupts,
      ...ownProperties(kind),
      ...(kind === "pl061" && isFirst ? { phandle: [PHANDLE.gpio] } : {}),
    },
  };
}

/** What devices of one kind say besides. */
function ownProperties(kind: DeviceEntry["kind"]): Record<string, PropertyValue> {
  const { clock } = PHANDLE;
  switch (kind) {
    case "pl011":
      return { "clock-names": ["uartclk", "apb_pclk"], clocks: [clock, clock] };
    case "pl031":
      return { "clock-names": "apb_pclk", clocks: [clock] };
    case "pl061":
      return {
        "clock-names": "apb_pclk",
        clocks: [clock],
        "#gpio-cells": [2],
        "gpio-controller": true,
      };
    case "sp804":
      return { "clock-names": ["timer1", "timer2", "apb_pclk"], clocks: [clock, clock, clock] };
    case "fw-cfg":
    case "virtio-mmio":
      return { "dma-coherent": true };
  }
}

/** Ranges as cells: 2 for the address, 2 for the size. */
function reg(...ranges: Range[]): number[] {
  return ranges.flatMap(({ base, size }) => [high(base), base >>> 0, high(size), size >>> 0]);
}

function high(value: number): number {
  return Math.floor(value / 0x1_0000_0000);
}

function encode(value: PropertyValue): number[] {
  if (value === true) return [];
  if (typeof value === "string") return zeroTerminated(value);
  return value.flatMap((item) => (typeof item === "string" ? zeroTerminated(item) : cell(item)));
}

/** A big-endian 32-bit word. */
function cell(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function zeroTerminated(text: string): number[] {
  return [...new TextEncoder().encode(text), 0];
}

function padded(bytes: number[]): number[] {
  return [...bytes, ...padding(-bytes.length & 3)];
}

function padding(count: number): number[] {
  return new Array<number>(count).fill(0);
}
