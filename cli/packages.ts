/**
 * The packages that come with Anode, in the order of who may call whom: later ones call earlier
 * ones.
 */

import { readFileSync } from "node:fs";
import type { Manifest, Package } from "../kernel/manifest.js";

/** Folders with an `anode.json`, relative to the compiled root. */
const FOLDERS = [
  "drivers/uartd/",
  "drivers/virtio-blkd/",
  "drivers/rtcd/",
  "drivers/gpiod/",
  "drivers/virtio-netd/",
  "drivers/rngd/",
  "drivers/consoled/",
  "schemes/null/",
  "schemes/zero/",
  "schemes/rand/",
  "schemes/ram/",
];

/**
 * Reads the manifests of the built-in packages. Their validity is a test's business, not boot's.
 */
export function builtinPackages(): Package[] {
  return FOLDERS.map((folder) => {
    const base = new URL(`../${folder}`, import.meta.url);
    const manifest = JSON.parse(readFileSync(new URL("anode.json", base), "utf8")) as Manifest;
    return { manifest, base: base.href };
  });
}
