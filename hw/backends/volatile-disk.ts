/*
 * A disk with a write cache that loses its content when the power fails: what was not flushed may
 * have reached the medium or not, sector by sector and in any order, as real disks have it. Wraps
 * another back end, which is the medium. Only a flush promises anything.
 */
import { seededRandom } from "../../ipc/clock.js";
import { type DiskBackend, type DiskDone, SECTOR_SIZE, type SharedBytes } from "../disk.js";

const EIO = 5;
/** Sectors that are cached before all are written to the medium. */
const CACHE_SECTORS_MAX = 65_536;

/** A disk whose power can fail. */
export interface VolatileDisk extends DiskBackend {
  /**
   * Cuts the power: each sector that was not flushed keeps one of the contents that it had since
   * the last flush. Every operation fails from now on. Resolves when the medium is as it will be.
   */
  cutPower(): Promise<void>;
}

/** Options of `volatileDisk`. */
export interface VolatileDiskOptions {
  /** Decides what survives. */
  seed: number;
  /** Cut the power upon the write that follows so many. */
  cutAfterWrites?: number;
}

/** Gives a disk a volatile write cache. */
export function volatileDisk(medium: DiskBackend, options: VolatileDiskOptions): VolatileDisk {
  return new CachedDisk(medium, options);
}

/** What a sector was given since the last flush, the newest last. */
type Versions = Map<number, SharedBytes[]>;

class CachedDisk implements VolatileDisk {
  readonly sectorCount: number;
  readonly readOnly: boolean;
  readonly #medium: DiskBackend;
  readonly #options: VolatileDiskOptions;
  #cache: Versions = new Map();
  /** On its way to the medium: as good as lost until the flush is over. */
  #flushing: Versions = new Map();
  /** Flushes one after the other. */
  #order: Promise<void> = Promise.resolve();
  #writes = 0;
  #dead = false;

  constructor(medium: DiskBackend, options: VolatileDiskOptions) {
    this.#medium = medium;
    this.#options = options;
    this.sectorCount = medium.sectorCount;
    this.readOnly = medium.readOnly;
  }

  read(position: number, bytes: SharedBytes, done: DiskDone): void {
    if (this.#dead) {
      done(EIO);
      return;
    }
    // From before the medium is read: a flush may end meanwhile, and leave the cache.
    const cached = this.#cached(position, bytes.length);
    this.#medium.read(position, bytes, (errno) => {
      for (const [at, piece] of cached) bytes.set(piece, at);
      done(errno);
    });
  }

  /** What the cache has of a range, by offset. */
  #cached(position: number, length: number): [at: number, piece: SharedBytes][] {
    const pieces: [number, SharedBytes][] = [];
    for (let at = 0; at < length; at += SECTOR_SIZE) {
      const sector = (position + at) / SECTOR_SIZE;
      const newest = this.#cache.get(sector)?.at(-1) ?? this.#flushing.get(sector)?.at(-1);
      if (newest !== undefined) pieces.push([at, newest]);
    }
    return pieces;
  }

  write(position: number, bytes: SharedBytes, done: DiskDone): void {
    const pieces: SharedBytes[] = [];
    for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
      const piece = new Uint8Array(new SharedArrayBuffer(SECTOR_SIZE));
      piece.set(bytes.subarray(at, at + SECTOR_SIZE));
      pieces.push(piece);
    }
    this.#put(position, pieces, done);
  }

  zero(position: number, length: number, done: DiskDone): void {
    if (length / SECTOR_SIZE > CACHE_SECTORS_MAX) {
      // Too much to remember: straight to the medium, after what was before.
      this.flush((errno) => {
        if (errno === 0) this.#medium.zero(position, length, done);
        else done(errno);
      });
      return;
    }
    const zeroes = new Uint8Array(new SharedArrayBuffer(SECTOR_SIZE));
    this.#put(
      position,
      Array.from({ length: length / SECTOR_SIZE }, () => zeroes),
      done,
    );
  }

  #put(position: number, pieces: readonly SharedBytes[], done: DiskDone): void {
    const { cutAfterWrites = Number.POSITIVE_INFINITY } = this.#options;
    const cut = !this.#dead && ++this.#writes > cutAfterWrites;
    if (this.#dead) {
      done(EIO);
      return;
    }
    pieces.forEach((piece, i) => {
      const sector = position / SECTOR_SIZE + i;
      const versions = this.#cache.get(sector);
      if (versions === undefined) this.#cache.set(sector, [piece]);
      else versions.push(piece);
    });
    // Nobody hears of the write that was under way when the power failed.
    if (cut) void this.#cutAndFail(done);
    else if (this.#cache.size > CACHE_SECTORS_MAX) this.flush(done);
    else done(0);
  }

  async #cutAndFail(done: DiskDone): Promise<void> {
    await this.cutPower();
    done(EIO);
  }

  flush(done: DiskDone): void {
    this.#order = this.#flushAfter(this.#order, done);
  }

  async #flushAfter(before: Promise<void>, done: DiskDone): Promise<void> {
    await before;
    done(await this.#flush());
  }

  async #flush(): Promise<number> {
    if (this.#dead) return EIO;
    this.#flushing = this.#cache;
    this.#cache = new Map();
    const writes = [...this.#flushing].map(([sector, versions]) =>
      this.#store(sector, versions.at(-1) as SharedBytes),
    );
    const errnos = await Promise.all(writes);
    const failure = errnos.find((errno) => errno !== 0) ?? (await this.#flushMedium());
    if (failure === 0 && !this.#dead) this.#flushing = new Map();
    else this.#keep();
    return this.#dead ? EIO : failure;
  }

  /** What could not be flushed stays in the cache, older than what came since. */
  #keep(): void {
    for (const [sector, versions] of this.#cache) {
      this.#flushing.set(sector, [...(this.#flushing.get(sector) ?? []), ...versions]);
    }
    this.#cache = this.#flushing;
    this.#flushing = new Map();
  }

  #store(sector: number, bytes: SharedBytes): Promise<number> {
    return new Promise((resolve) => this.#medium.write(sector * SECTOR_SIZE, bytes, resolve));
  }

  #flushMedium(): Promise<number> {
    return new Promise((resolve) => this.#medium.flush(resolve));
  }

  async cutPower(): Promise<void> {
    if (this.#dead) return;
    this.#dead = true;
    await this.#order;
    this.#keep();
    const random = seededRandom(this.#options.seed);
    const writes: Promise<number>[] = [];
    for (const [sector, versions] of this.#cache) {
      const survivor = random.below(versions.length + 1);
      const bytes = versions[survivor - 1];
      if (bytes !== undefined) writes.push(this.#store(sector, bytes));
    }
    this.#cache = new Map();
    await Promise.all(writes);
  }

  /** An orderly end flushes. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.flush(() => resolve()));
    await this.#medium.close();
  }
}
