/**
 * The bench's own daemons. Naming the manifests as types makes the compiler put them beside the
 * compiled daemons, where the loader looks for them.
 */

import type clientManifest from "./client-daemon/anode.json";
import type confinedManifest from "./confined-daemon/anode.json";
import type directManifest from "./direct-daemon/anode.json";
import type nullManifest from "./null-daemon/anode.json";

type Manifest =
  | typeof clientManifest
  | typeof confinedManifest
  | typeof directManifest
  | typeof nullManifest;

/** A folder for `machine.load`. */
export interface DaemonFolder {
  readonly provides: Manifest["provides"][number];
  readonly folder: URL;
}

/** Answers every read at once. */
export const NULL_DAEMON = folderOf("benchnull", new URL("./null-daemon/main.js", import.meta.url));
/** The same, confined. */
export const CONFINED_DAEMON = folderOf(
  "benchnull",
  new URL("./confined-daemon/main.js", import.meta.url),
);
/** A client with promises, in a daemon's thread. */
export const CLIENT_DAEMON = folderOf(
  "benchclient",
  new URL("./client-daemon/main.js", import.meta.url),
);
/** The disk driver, called as a function. */
export const DIRECT_DAEMON = folderOf(
  "benchdirect",
  new URL("./direct-daemon/main.js", import.meta.url),
);

function folderOf(provides: string, entry: URL): DaemonFolder {
  return { provides, folder: new URL("./", entry) };
}
