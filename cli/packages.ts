/**
 * The packages that come with Anode, in the order of who may call whom: later ones call earlier
 * ones.
 */

import { readFileSync } from "node:fs";
import type { Confinement } from "../kernel/loader.js";
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

/** The compiled tree. */
const ABOVE = "..";
const ROOT = new URL(`${ABOVE}/`, import.meta.url);

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
function packagesFor(files: FilesOn): Package[] {
  const others = Object.values(FILE_DAEMONS).filter((name) => name !== FILE_DAEMONS[files]);
  return builtinPackages()
    .map((one) => {
      if (!others.includes(one.manifest.name)) return one;
      const provides = one.manifest.provides.filter((scheme) => scheme !== "file");
      return { ...one, manifest: { ...one.manifest, provides } };
    })
    .filter(({ manifest }) => manifest.provides.length > 0);
}

/** The built-in packages of one boot: without those to omit, some of them confined. */
export function packagesOf(options: {
  omit?: readonly string[];
  confine?: readonly string[];
  files?: FilesOn;
}): Package[] {
  return packagesFor(options.files ?? "ram")
    .filter(({ manifest }) => options.omit?.includes(manifest.name) !== true)
    .map((pack) => {
      if (options.confine?.includes(pack.manifest.name) !== true) return pack;
      return { ...pack, manifest: { ...pack.manifest, isolation: "confined" as const } };
    });
}

/** Anode's own public modules, and what else of Node's world they are linked with. */
const NAMES = {
  "anode-os/scheme": new URL("../user/scheme.js", import.meta.url).href,
  "anode-os/user": new URL("../user/index.js", import.meta.url).href,
  "anode-os/store": new URL("../user/store/index.js", import.meta.url).href,
  "anode-os/driver": new URL("../user/driver.js", import.meta.url).href,
  "msgpackr/pack": import.meta.resolve("msgpackr/pack"),
  "msgpackr/unpack": import.meta.resolve("msgpackr/unpack"),
};

/** Where the modules of confined code may come from, and what they are linked with. */
export function confinement(): Confinement {
  // Confined code has no environment, and no native addons to switch off.
  const empty = new URL("../ipc/msgpackr-env.js", import.meta.url).href;
  return {
    runtime: new URL("../user/confined/runtime.js", import.meta.url).href,
    rules: { own: ROOT.href, names: NAMES, replaced: { [empty]: "" } },
  };
}
