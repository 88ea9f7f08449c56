/**
 * Reads a flattened device tree (Devicetree Specification 0.4, chapter 5), and answers what a
 * driver asks it: where are the devices that are compatible with me? The bytes are a stranger's:
 * the parser is total, answers `undefined` for anything malformed, and is bounded in size and
 * depth.
 */

/** A node. Property values are bytes, as they stand in the tree: big-endian. */
export interface DeviceTreeNode {
  readonly name: string;
  readonly properties: ReadonlyMap<string, Uint8Array>;
  readonly children: readonly DeviceTreeNode[];
}

/** A device as the tree describes it. */
export interface DeviceDescription {
  /** Path of the node, such as `/pl011@9000000`. */
  path: string;
  /** What it is, the most exact name first. */
  compatible: string[];
  /** Register windows: physical addresses and sizes in bytes. */
  reg: { base: number; size: number }[];
  /** Interrupts of a GIC: the interrupt ID, and how the line is triggered. */
  interrupts: { intid: number; edge: boolean }[];
}

/** Largest blob that is looked at, and the deepest nesting. */
export const DEVICE_TREE_BYTES_MAX = 1 << 20;
export const DEVICE_TREE_DEPTH_MAX = 16;

/** Header fields: word offsets, and the values that a tree of version 17 has. */
const MAGIC = 0xd00dfeed;
const VERSION = 17;
const HEADER_BYTES = 40;
const HEADER = {
  magic: 0,
  totalsize: 4,
  off_dt_struct: 8,
  off_dt_strings: 12,
  version: 20,
  last_comp_version: 24,
  size_dt_strings: 32,
  size_dt_struct: 36,
} as const;

/** Tokens of the structure block. */
const TOKEN = { BEGIN_NODE: 1, END_NODE: 2, PROP: 3, NOP: 4, END: 9 } as const;

const GIC_SPI_BASE = 32;
const GIC_PPI_BASE = 16;

/** Parses a blob; `undefined` if it is not a well-formed tree. The result does not alias `blob`. */
export function parseDeviceTree(blob: Uint8Array): DeviceTreeNode | undefined {
  if (blob.length < HEADER_BYTES || blob.length > DEVICE_TREE_BYTES_MAX) return undefined;
  const bytes = new Uint8Array(blob); // Shared memory could change under the parser.
  const words = new DataView(bytes.buffer);
  const field = (offset: number): number => words.getUint32(offset);
  const total = field(HEADER.totalsize);
  if (field(HEADER.magic) !== MAGIC || total < HEADER_BYTES || total > bytes.length)
    return undefined;
  if (field(HEADER.version) < VERSION || field(HEADER.last_comp_version) > VERSION)
    return undefined;
  const structure = block(field(HEADER.off_dt_struct), field(HEADER.size_dt_struct), total);
  const strings = block(field(HEADER.off_dt_strings), field(HEADER.size_dt_strings), total);
  if (structure === undefined || strings === undefined || structure.start % 4 !== 0)
    return undefined;
  const reader = new Reader(words, structure, strings);
  if (reader.token() !== TOKEN.BEGIN_NODE) return undefined;
  const root = reader.node(0);
  return root !== undefined && reader.token() === TOKEN.END ? root : undefined;
}

/** All nodes that say what they are compatible with, in the order of the tree. */
export function allDevices(root: DeviceTreeNode): DeviceDescription[] {
  const found: DeviceDescription[] = [];
  const visit = (node: DeviceTreeNode, parent: DeviceTreeNode, path: string): void => {
    const compatible = propertyStrings(node, "compatible");
    if (compatible.length > 0) {
      const reg = nodeRegisters(node, parent);
      found.push({ path, compatible, reg, interrupts: interrupts(node) });
    }
    for (const child of node.children) visit(child, node, `${path}/${child.name}`);
  };
  for (const child of root.children) visit(child, root, `/${child.name}`);
  return found;
}

/** All devices whose `compatible` list holds `compatible`, in the order of the tree. */
export function findDevices(root: DeviceTreeNode, compatible: string): DeviceDescription[] {
  return allDevices(root).filter((device) => device.compatible.includes(compatible));
}

/** The node at an absolute path; `undefined` if there is none. */
export function findNode(root: DeviceTreeNode, path: string): DeviceTreeNode | undefined {
  let node: DeviceTreeNode | undefined = root;
  for (const name of path.split("/").filter((part) => part !== "")) {
    node = node?.children.find((child) => child.name === name);
  }
  return node;
}

/** A property as 32-bit cells; empty if it is missing or not a multiple of 4 bytes. */
export function propertyCells(node: DeviceTreeNode, name: string): number[] {
  const bytes = node.properties.get(name);
  if (bytes === undefined || bytes.length % 4 !== 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** A property as a list of strings; empty if it is missing. */
export function propertyStrings(node: DeviceTreeNode, name: string): string[] {
  const bytes = node.properties.get(name);
  if (bytes === undefined || bytes.length === 0) return [];
  return ascii(bytes).replace(/\0$/, "").split("\0");
}

interface Block {
  start: number;
  end: number;
}

function block(start: number, size: number, total: number): Block | undefined {
  return start >= HEADER_BYTES && start + size <= total ? { start, end: start + size } : undefined;
}

/** Walks the structure block. Every method answers `undefined` where the bytes end too soon. */
class Reader {
  readonly #words: DataView;
  readonly #end: number;
  readonly #strings: Block;
  #at: number;

  constructor(words: DataView, structure: Block, strings: Block) {
    this.#words = words;
    this.#at = structure.start;
    this.#end = structure.end;
    this.#strings = strings;
  }

  /** The next token that is not a NOP. */
  token(): number | undefined {
    let token = this.#word();
    while (token === TOKEN.NOP) token = this.#word();
    return token;
  }

  /** The node whose BEGIN_NODE was just read. */
  node(depth: number): DeviceTreeNode | undefined {
    const name = depth > DEVICE_TREE_DEPTH_MAX ? undefined : this.#name();
    if (name === undefined) return undefined;
    const properties = new Map<string, Uint8Array>();
    const children: DeviceTreeNode[] = [];
    for (;;) {
      const token = this.token();
      if (token === TOKEN.END_NODE) return { name, properties, children };
      if (token === TOKEN.PROP && children.length === 0) {
        const property = this.#property();
        if (property === undefined) return undefined;
        properties.set(property.name, property.value);
      } else if (token === TOKEN.BEGIN_NODE) {
        const child = this.node(depth + 1);
        if (child === undefined) return undefined;
        children.push(child);
      } else return undefined;
    }
  }

  #property(): { name: string; value: Uint8Array } | undefined {
    const length = this.#word();
    const nameAt = this.#word();
    if (length === undefined || nameAt === undefined || length > this.#end - this.#at) {
      return undefined;
    }
    const name = this.#string(this.#strings.start + nameAt, this.#strings.end);
    const value = new Uint8Array(this.#words.buffer as ArrayBuffer, this.#at, length);
    this.#at += align4(length);
    return name === undefined ? undefined : { name, value };
  }

  #name(): string | undefined {
    const name = this.#string(this.#at, this.#end);
    if (name !== undefined) this.#at += align4(name.length + 1);
    return name;
  }

  /** The zero-terminated string at `start`, if it ends before `end`. */
  #string(start: number, end: number): string | undefined {
    for (let at = start; at < end; at++) {
      if (this.#words.getUint8(at) !== 0) continue;
      return ascii(new Uint8Array(this.#words.buffer, start, at - start));
    }
    return undefined;
  }

  #word(): number | undefined {
    if (this.#at + 4 > this.#end) return undefined;
    const word = this.#words.getUint32(this.#at);
    this.#at += 4;
    return word;
  }
}

/** `reg`, with the cell counts that the parent gives (2 and 1 if it is silent). */
export function nodeRegisters(
  node: DeviceTreeNode,
  parent: DeviceTreeNode,
): DeviceDescription["reg"] {
  const cells = propertyCells(node, "reg");
  const addressCells = propertyCells(parent, "#address-cells")[0] ?? 2;
  const sizeCells = propertyCells(parent, "#size-cells")[0] ?? 1;
  const stride = addressCells + sizeCells;
  if (addressCells < 1 || addressCells > 2 || sizeCells < 1 || sizeCells > 2) return [];
  const found: DeviceDescription["reg"] = [];
  for (let at = 0; at + stride <= cells.length; at += stride) {
    const base = joinCells(cells.slice(at, at + addressCells));
    const size = joinCells(cells.slice(at + addressCells, at + stride));
    if (Number.isSafeInteger(base + size)) found.push({ base, size });
  }
  return found;
}

/** `interrupts` of a GIC: kind (0 shared, 1 private), number, trigger flags (1 and 2 are edges). */
function interrupts(node: DeviceTreeNode): DeviceDescription["interrupts"] {
  const cells = propertyCells(node, "interrupts");
  const found: DeviceDescription["interrupts"] = [];
  for (let at = 0; at + 3 <= cells.length; at += 3) {
    const [kind, number, flags] = cells.slice(at, at + 3) as [number, number, number];
    const intid = number + (kind === 0 ? GIC_SPI_BASE : GIC_PPI_BASE);
    if (kind <= 1 && intid < 1020) found.push({ intid, edge: (flags & 3) !== 0 });
  }
  return found;
}

function joinCells(cells: readonly number[]): number {
  return cells.reduce((value, cell) => value * 0x1_0000_0000 + cell, 0);
}

function align4(value: number): number {
  return (value + 3) & ~3;
}

/** Bytes as one character each. */
function ascii(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
