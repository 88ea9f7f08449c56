/*
 * Guest physical memory and the IOMMU in front of it. Memory is a set of regions, each a piece of
 * shared memory at a physical address, that belongs to a *domain*: the DMA regions of one driver.
 * A device is assigned to one domain at a time and reaches the regions of that domain and nothing
 * else; any other access is a fault, recorded here and without effect. Without a domain every
 * access faults.
 *
 * Multi-byte values are little-endian, as is every host that Node runs workers well on.
 */

import type { SharedBytes } from "./disk.js";

/** Names a set of regions. The caller chooses the numbers. */
export type Domain = number;

/** A DMA access that the IOMMU refused. `domain` is undefined for a device that had none. */
export interface Fault {
  domain: Domain | undefined;
  address: number;
  length: number;
  write: boolean;
}

/** Most regions that one domain may have. */
export const REGIONS_MAX = 4096;
/** Most faults that are remembered; later ones are only counted. */
export const FAULTS_MAX = 64;

/** Where a region lies: in physical memory, and in its buffer. */
export interface RegionOptions {
  domain: Domain;
  address: number;
  buffer: SharedArrayBuffer;
  /** Part of the buffer; all of it if left out. */
  byteOffset?: number;
  length?: number;
}

interface Region {
  readonly address: number;
  readonly end: number;
  readonly bytes: SharedBytes;
  readonly view: DataView;
  /** The same bytes as atomic cells; undefined if the region begins at an odd offset. */
  readonly cells: Uint16Array | undefined;
}

/** All regions of the machine, and the faults of all its devices. */
export class PhysicalMemory {
  readonly #domains = new Map<Domain, Region[]>();
  readonly #faults: Fault[] = [];
  #faultCount = 0;

  /**
   * Makes a piece of shared memory reachable for the devices of a domain.
   * @throws RangeError if it overlaps another region of the domain, is not a piece of the buffer,
   *   or the domain has `REGIONS_MAX` regions.
   */
  attach(options: RegionOptions): void {
    const { domain, address, buffer, byteOffset = 0 } = options;
    const length = options.length ?? buffer.byteLength - byteOffset;
    if (!Number.isSafeInteger(address + length) || address < 0 || length <= 0) {
      throw new RangeError(
        `memory region at ${address} of ${length} bytes is not an address range`,
      );
    }
    const bytes = new Uint8Array(buffer, byteOffset, length);
    const view = new DataView(buffer, byteOffset, length);
    const cells =
      byteOffset % 2 === 0 ? new Uint16Array(buffer, byteOffset, length >> 1) : undefined;
    const regions = this.#domains.get(domain) ?? [];
    if (regions.length >= REGIONS_MAX) {
      throw new RangeError(`domain ${domain} has ${REGIONS_MAX} memory regions already`);
    }
    const index = firstAfter(regions, address);
    const before = regions[index - 1];
    const after = regions[index];
    if ((before && before.end > address) || (after && after.address < address + length)) {
      throw new RangeError(`memory region at ${address} overlaps another of domain ${domain}`);
    }
    regions.splice(index, 0, { address, end: address + length, bytes, view, cells });
    this.#domains.set(domain, regions);
  }

  /** Takes the region that starts at `address` away from a domain; `false` if there is none. */
  detach(domain: Domain, address: number): boolean {
    const regions = this.#domains.get(domain);
    const index = regions?.findIndex((region) => region.address === address) ?? -1;
    if (regions === undefined || index < 0) return false;
    regions.splice(index, 1);
    return true;
  }

  /** Takes all regions away from a domain. */
  detachDomain(domain: Domain): void {
    this.#domains.delete(domain);
  }

  /** The region of `domain` that holds the whole range. Records nothing. */
  find(domain: Domain, address: number, length: number): Region | undefined {
    const regions = this.#domains.get(domain);
    if (regions === undefined) return undefined;
    const region = regions[firstAfter(regions, address) - 1];
    return region !== undefined && address + length <= region.end ? region : undefined;
  }

  /** Records a refused access. */
  fault(fault: Fault): void {
    this.#faultCount++;
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(fault);
  }

  /** The first `FAULTS_MAX` faults since the last call, and how many there were. */
  takeFaults(): { faults: Fault[]; count: number } {
    const count = this.#faultCount;
    this.#faultCount = 0;
    return { faults: this.#faults.splice(0), count };
  }

  /** How many faults there were since the last `takeFaults`. */
  get faultCount(): number {
    return this.#faultCount;
  }
}

/**
 * Physical memory as one device reaches it. Every access names an address and is checked against
 * the domain that the device belongs to at that moment: callers keep addresses, not views, across
 * waits. Accesses that fault read as `undefined` and write nothing.
 */
export class GuestMemory {
  readonly #memory: PhysicalMemory;
  #domain: Domain | undefined;
  #epoch = 0;

  constructor(memory: PhysicalMemory, domain?: Domain) {
    this.#memory = memory;
    this.#domain = domain;
  }

  /** Puts the device into another domain, or into none. */
  assign(domain: Domain | undefined): void {
    this.#domain = domain;
    this.#epoch++;
  }

  /** The domain that the device is in. */
  get domain(): Domain | undefined {
    return this.#domain;
  }

  /** Changes with every `assign`, so that work begun before can be told from work begun after. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The bytes of a range, in place; `undefined` if the range is not wholly in one region. */
  view(address: number, length: number, write: boolean): SharedBytes | undefined {
    const region = this.#find(address, length, write);
    if (region === undefined) return undefined;
    const start = address - region.address;
    return region.bytes.subarray(start, start + length);
  }

  /** Copies a range out. */
  copyOut(address: number, length: number): Uint8Array | undefined {
    const view = this.view(address, length, false);
    return view === undefined ? undefined : new Uint8Array(view);
  }

  readU16(address: number): number | undefined {
    const region = this.#find(address, 2, false);
    return region?.view.getUint16(address - region.address, true);
  }

  readU32(address: number): number | undefined {
    const region = this.#find(address, 4, false);
    return region?.view.getUint32(address - region.address, true);
  }

  readU64(address: number): bigint | undefined {
    const region = this.#find(address, 8, false);
    return region?.view.getBigUint64(address - region.address, true);
  }

  /** Writes one byte; `false` after a fault. So do all that follow. */
  writeU8(address: number, value: number): boolean {
    const region = this.#find(address, 1, true);
    region?.view.setUint8(address - region.address, value);
    return region !== undefined;
  }

  writeU16(address: number, value: number): boolean {
    const region = this.#find(address, 2, true);
    region?.view.setUint16(address - region.address, value, true);
    return region !== undefined;
  }

  writeU32(address: number, value: number): boolean {
    const region = this.#find(address, 4, true);
    region?.view.setUint32(address - region.address, value, true);
    return region !== undefined;
  }

  writeU64(address: number, value: bigint): boolean {
    const region = this.#find(address, 8, true);
    region?.view.setBigUint64(address - region.address, value, true);
    return region !== undefined;
  }

  /** Reads an aligned ring index that the driver publishes: what it wrote before is visible. */
  acquireU16(address: number): number | undefined {
    const region = this.#find(address, 2, false);
    const index = (address - (region?.address ?? 0)) / 2;
    if (region?.cells === undefined || !Number.isInteger(index)) return undefined;
    return Atomics.load(region.cells, index); // Partner: the driver's store of avail.idx.
  }

  /** Publishes an aligned ring index: what was written before is visible to who reads it. */
  releaseU16(address: number, value: number): boolean {
    const region = this.#find(address, 2, true);
    const index = (address - (region?.address ?? 0)) / 2;
    if (region?.cells === undefined || !Number.isInteger(index)) return false;
    Atomics.store(region.cells, index, value); // Partner: the driver's load of used.idx.
    return true;
  }

  #find(address: number, length: number, write: boolean): Region | undefined {
    const region =
      this.#domain === undefined ? undefined : this.#memory.find(this.#domain, address, length);
    if (region === undefined) this.#memory.fault({ domain: this.#domain, address, length, write });
    return region;
  }
}

/** Index of the first region that starts after `address`; regions are sorted by address. */
function firstAfter(regions: readonly Region[], address: number): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((regions[middle] as Region).address <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}
