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
  "schemes/fsd/",
];

/** Who serves `file:`: memory that is empty at each boot, or the RedoxFS on the first disk. */
export type FilesOn = "ram" | "disk";

const FILE_DAEMONS: Readonly<Record<FilesOn, string>> = { ram: "ram", disk: "fsd" };

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

/** The packages of a machine: of two that could provide `file:` only the one that is to do it. */
export function packagesFor(files: FilesOn): Package[] {
  const others = Object.values(FILE_DAEMONS).filter((name) => name !== FILE_DAEMONS[files]);
  return builtinPackages()
    .map((one) => {
      if (!others.includes(one.manifest.name)) return one;
      const provides = one.manifest.provides.filter((scheme) => scheme !== "file");
      return { ...one, manifest: { ...one.manifest, provides } };
    })
    .filter(({ manifest }) => manifest.provides.length > 0);
}
