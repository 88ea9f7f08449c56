/**
 * `file:`, a RedoxFS as a scheme. A change is answered when the commit that holds it has reached
 * the disk, so that the daemon can be killed at any time and its successor knows all that was
 * answered; changes that come together share a commit. A power cut may take what no `fsync` has
 * covered.
 */

import { BODY_BYTES_MAX } from "../../ipc/limits.js";
import { EVENT_READ, EVENT_WRITE, type Identity, opened, type Scheme } from "../../ipc/scheme.js";
import type { DirectoryEntry, Stat } from "../../ipc/stat.js";
import { BLOCK_BYTES } from "../fs/block-device.js";
import type { Attributes, FileSystem, Listed, OpenFile } from "../fs/file-system.js";

const ENTRIES_PER_REPLY = 256;
/** What an entry takes of a reply besides its name, and what all may take. */
const ENTRY_BYTES = 48;
const REPLY_BYTES_MAX = BODY_BYTES_MAX - 1024;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1e6;

export interface FileSchemeOptions {
  /** Told of failures that nobody waits for. */
  log?: (line: string) => void;
}

/** Serves `fs`. */
export function fileScheme(fs: FileSystem, options: FileSchemeOptions = {}): Scheme<OpenFile> {
  const { volume } = fs;
  const log = options.log ?? ((): void => undefined);
  /** The commit that the next changes will be in; it has not begun. */
  let coming: Promise<void> | undefined;
  const publish = (): Promise<void> => {
    coming ??= (async () => {
      await new Promise(setImmediate);
      coming = undefined;
      await volume.publish();
    })();
    return coming;
  };
  const changed = async <T>(act: Promise<T>): Promise<T> => {
    const result = await act;
    await publish();
    return result;
  };
  return {
    async open(path, { flags, root }) {
      const { generation } = volume.header;
      const file = await fs.open(path, { flags, root });
      if (volume.hasChanges || volume.header.generation !== generation) await publish();
      const attributes = fs.attributes(file);
      return opened(file, { positioned: true, identity: identityOf(attributes) });
    },
    read: (file, bytes, offset) => fs.read(file, bytes, offset),
    write: (file, bytes, offset) => changed(fs.write(file, bytes, offset)),
    fsize: (file) => fs.attributes(file).size,
    ftruncate: (file, size) => changed(fs.truncate(file, size)),
    fsync: () => volume.sync(),
    fstat: (file) => statOf(fs.attributes(file), volume.readOnly),
    fstatvfs: () => fs.statVfs(),
    async getdents(file, cursor) {
      return fitting(await fs.list(file, cursor, ENTRIES_PER_REPLY));
    },
    link: (file, path, { root }) => changed(fs.link(file, path, { root })),
    unlink: (path, kind, { root }) => changed(fs.unlink(path, kind, { root })),
    rename: (from, to, { root, replace }) => changed(fs.rename(from, to, { root, replace })),
    symlink: (path, target, { root }) => changed(fs.symlink(path, target, { root })),
    readlink: (path, { root }) => fs.readlink(path, { root }),
    fevent: (_file, mask) => mask & (EVENT_READ | EVENT_WRITE),
    close(file) {
      fs.close(file).then(() => (volume.hasChanges ? publish().catch(report) : undefined), report);
    },
  };

  function report(error: unknown): void {
    log(`file: a closed file could not be freed: ${String(error)}`);
  }
}

/** The number of a node is used again; the time of its creation tells the two apart. */
function identityOf({ node, created }: Attributes): Identity {
  const generation = created.seconds * MS_PER_SECOND + Math.floor(created.nanoseconds / NS_PER_MS);
  return { object: String(node), generation };
}

function statOf(attributes: Attributes, readOnly: boolean): Stat {
  const { kind, size, mode, links, modified, node } = attributes;
  const modifiedMs = modified.seconds * MS_PER_SECOND + modified.nanoseconds / NS_PER_MS;
  const identity = `redoxfs/${node}/${identityOf(attributes).generation}`;
  const facts = { kind, size, mode: mode & 0o777, links, blockSize: BLOCK_BYTES, modifiedMs };
  return { ...facts, identity, ...(readOnly ? { readOnly } : {}) };
}

/** As many entries as one reply may have. */
function fitting(listed: readonly Listed[]): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  let bytes = 0;
  for (const { name, kind, cursor } of listed.slice(0, ENTRIES_PER_REPLY)) {
    bytes += ENTRY_BYTES + Buffer.byteLength(name);
    if (bytes > REPLY_BYTES_MAX) break;
    entries.push({ name, kind, next: cursor });
  }
  return entries;
}
