/**
 * A client of the soak: owns a region of the disk, writes blocks that say which version they are,
 * and checks every byte that it reads. Knows nothing of kills.
 */

import { type Random, seededRandom } from "../../ipc/clock.js";

/** Bytes of a block of the soak. */
export const BLOCK = 4096;

/** What the client needs of a disk; promises or plain values. */
export interface Region {
  readonly blocks: number;
  read(bytes: Buffer, block: number): Promise<number> | number;
  write(bytes: Buffer, block: number): Promise<number> | number;
  sync(): Promise<void> | void;
}

/** Fills a block so that its place, version and owner can be told from its bytes. */
export function fillBlock(
  bytes: Buffer,
  at: { owner: number; block: number; version: number },
): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, BLOCK >> 2);
  const salt = Math.imul(at.owner + 1, 0x85ebca6b) ^ Math.imul(at.block + 1, 0xc2b2ae35);
  const mixed = (salt ^ Math.imul(at.version, 0x27d4eb2f)) >>> 0;
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ mixed;
}

/** The state of one client. */
export class RegionClient {
  readonly owner: number;
  readonly versions: Uint32Array;
  readonly #region: Region;
  readonly #random: Random;
  operations = 0;

  constructor(region: Region, owner: number, seed: number) {
    this.owner = owner;
    this.#region = region;
    this.#random = seededRandom(seed * 31 + owner);
    this.versions = new Uint32Array(region.blocks);
  }

  /** Gives every block its first content. */
  async begin(): Promise<void> {
    const all = Buffer.alloc(this.versions.length * BLOCK);
    for (let block = 0; block < this.versions.length; block++) {
      const at = { owner: this.owner, block, version: 0 };
      fillBlock(all.subarray(block * BLOCK, (block + 1) * BLOCK), at);
    }
    const count = await this.#region.write(all, 0);
    if (count !== all.length) throw new Error(`owner ${this.owner}: wrote ${count} at the start`);
  }

  /** One random operation. Throws at the first wrong byte. */
  async step(): Promise<void> {
    const length = 1 + this.#random.below(16);
    const block = this.#random.below(this.versions.length - length);
    this.operations++;
    const choice = this.#random.below(100);
    if (choice < 50) await this.#write(block, length);
    else if (choice < 97) await this.#check(block, length);
    else await this.#region.sync();
  }

  async #write(block: number, length: number): Promise<void> {
    const bytes = Buffer.alloc(length * BLOCK);
    for (let i = 0; i < length; i++) {
      const version = (this.versions[block + i] as number) + 1;
      this.versions[block + i] = version;
      const at = { owner: this.owner, block: block + i, version };
      fillBlock(bytes.subarray(i * BLOCK, (i + 1) * BLOCK), at);
    }
    const count = await this.#region.write(bytes, block);
    if (count !== bytes.length) throw new Error(`owner ${this.owner}: short write of ${count}`);
  }

  async #check(block: number, length: number): Promise<void> {
    const bytes = Buffer.alloc(length * BLOCK);
    const count = await this.#region.read(bytes, block);
    if (count !== bytes.length) throw new Error(`owner ${this.owner}: short read of ${count}`);
    this.verify(bytes, block);
  }

  /** Compares blocks with what they must be. */
  verify(bytes: Buffer, first: number): void {
    const wanted = Buffer.alloc(BLOCK);
    for (let i = 0; i * BLOCK < bytes.length; i++) {
      const block = first + i;
      const version = this.versions[block] as number;
      fillBlock(wanted, { owner: this.owner, block, version });
      if (!wanted.equals(bytes.subarray(i * BLOCK, (i + 1) * BLOCK))) {
        throw new Error(`owner ${this.owner}: block ${block} is not version ${version}`);
      }
    }
  }
}
