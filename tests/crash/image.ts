/**
 * Disk images for tests: made in a folder of their own, with content that tells where it belongs.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../ipc/clock.js";

/** Images of one test. */
export interface TestImages {
  folder: string;
  /** Makes an image with seeded content, or all zero without a seed. */
  make(name: string, megabytes: number, seed?: number): { path: string; bytes: Buffer };
  remove(): void;
}

/** Makes a folder for images. */
export function testImages(): TestImages {
  const folder = mkdtempSync(join(tmpdir(), "anode-test-"));
  return {
    folder,
    make(name, megabytes, seed) {
      const bytes = Buffer.alloc(megabytes * 2 ** 20);
      if (seed !== undefined) fillSeeded(bytes, seed);
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return { path, bytes };
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Fills with numbers of which no two places have the same. */
export function fillSeeded(bytes: Buffer, seed: number): void {
  const random = seededRandom(seed);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const salt = random.below(2 ** 32);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i ^ salt, 0x9e3779b1) ^ (i >>> 3);
}
