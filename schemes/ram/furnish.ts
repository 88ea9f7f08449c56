/** What `ram:` and `file:` hold when the machine starts: the usual directories and a greeting. */

import type { Tree } from "./tree.js";

const DIRECTORIES = ["/etc", "/home", "/tmp"];
const GREETING = `Welcome to Anode: small daemons, URL-style names, and crashes that nobody notices.
'help' lists the programs; 'kill virtio-blkd' in the middle of a copy loses nothing.
`;

/** Fills an empty tree. */
export function furnish(tree: Tree): void {
  for (const path of DIRECTORIES) tree.create(tree.walk(path, { follow: false }), "directory");
  const motd = tree.create(tree.walk("/etc/motd", { follow: false }), "file");
  if (motd.kind === "file") motd.content.write(Buffer.from(GREETING), 0);
}
