/**
 * A scheme that tells everything: whatever reaches a handler is noted, with who asked and for what.
 * Every path exists, and holds its own name, so that data says which object it came from. A path
 * that ends in `slow` makes its reads wait until they are released.
 */

import { ECANCELED } from "../../ipc/errno.js";
import { opened, type RequestContext, type Scheme } from "../../ipc/scheme.js";

/** What a handler was asked to do. */
export interface Visit {
  what: string;
  caller: number;
  path: string;
}

/** An open object. */
interface VaultHandle {
  path: string;
  opener: number;
}

/** The scheme of one incarnation, and what it has seen. */
export class Vault {
  readonly visits: Visit[] = [];
  /** Objects that are open, over all clients. */
  open = 0;
  #parked: (() => void)[] = [];

  /** Reads that wait. */
  get parked(): number {
    return this.#parked.length;
  }

  /** Lets every read that waits answer. */
  release(): void {
    for (const answer of this.#parked.splice(0)) answer();
  }

  /** Takes what was seen since the last time. */
  take(): Visit[] {
    return this.visits.splice(0);
  }

  #see(what: string, path: string, caller: number): void {
    this.visits.push({ what, caller, path });
  }

  #make(path: string, caller: number) {
    this.open++;
    const facts = { positioned: true, identity: { object: path, generation: 1 } };
    return opened({ path, opener: caller }, facts);
  }

  #read({ path }: VaultHandle, bytes: Uint8Array, context: RequestContext) {
    this.#see("read", path, context.caller);
    const copy = (): number => {
      const text = Buffer.from(path).subarray(0, bytes.length);
      bytes.set(text);
      return text.length;
    };
    if (!path.endsWith("slow")) return copy();
    context.defer();
    return new Promise<number>((resolve, reject) => {
      this.#parked.push(() => {
        resolve(copy());
      });
      // Whoever is canceled must settle, or its client is never drained.
      context.onCancel(() => {
        reject(ECANCELED);
      });
    });
  }

  /** The table of operations. */
  scheme(): Scheme<VaultHandle> {
    const onHandle =
      (what: string) =>
      ({ path, opener }: VaultHandle) => {
        this.#see(what, path, opener);
      };
    return {
      open: (path, { caller }) => {
        this.#see("open", path, caller);
        return this.#make(path, caller);
      },
      dup: ({ path }, _name, { caller }) => {
        this.#see("dup", path, caller);
        return this.#make(path, caller);
      },
      read: (handle, bytes, _offset, context) => this.#read(handle, bytes, context),
      write: ({ path }, bytes, _offset, { caller }) => {
        this.#see("write", path, caller);
        return bytes.length;
      },
      fsize: ({ path }) => path.length,
      ftruncate: onHandle("ftruncate"),
      fsync: onHandle("fsync"),
      fstat: ({ path }) => ({ kind: "file", size: path.length, mode: 0o600 }),
      getdents: ({ path, opener }) => {
        this.#see("getdents", path, opener);
        return [];
      },
      link: ({ path }, to, { caller }) => {
        this.#see("link", path, caller);
        this.#see("link to", to, caller);
      },
      unlink: (path, _kind, { caller }) => this.#see("unlink", path, caller),
      rename: (from, to, { caller }) => {
        this.#see("rename", from, caller);
        this.#see("rename to", to, caller);
      },
      symlink: (path, _target, { caller }) => this.#see("symlink", path, caller),
      readlink: (path, { caller }) => {
        this.#see("readlink", path, caller);
        return path;
      },
      fevent: (_handle, mask) => mask,
      call: ({ path }, _request, { caller }) => {
        this.#see("call", path, caller);
        return path;
      },
      close: () => {
        this.open--;
      },
    };
  }
}
