/**
 * Who may do what, as a plain model: capabilities and handles in maps, rules written from the
 * documentation and not from the gate. It takes names (numbers of capabilities and handles) from
 * the machine, and nothing else.
 */

import { NAME_BYTES_MAX } from "../../ipc/limits.js";
import {
  OP_CALL,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_READ,
  OP_READLINK,
  OP_RENAME,
  OP_SYMLINK,
  OP_UNLINK,
  OP_WRITE,
} from "../../ipc/opcode.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_TRUNCATE,
  O_WRITE,
} from "../../ipc/open-flags.js";
import {
  RIGHT_CALL,
  RIGHT_CREATE,
  RIGHT_DELETE,
  RIGHT_LIST,
  RIGHT_READ,
  RIGHT_WRITE,
} from "../../ipc/rights.js";

/** A capability as the model sees it. */
export interface Permit {
  readonly id: number;
  readonly holder: number;
  readonly provider: number;
  readonly index: number;
  readonly root: string;
  readonly rights: number;
  parent: Permit | undefined;
  live: boolean;
}

/** An open handle as the model sees it. */
export interface Grip {
  readonly client: number;
  readonly provider: number;
  readonly number: number;
  readonly permit: Permit;
  readonly rights: number;
  readonly path: string;
  /** Who opened the object: a copy that was passed on keeps that. */
  readonly opener: number;
}

/** Any one of these rights lets a handle do the operation; none listed: it need only be alive. */
const HANDLE_RIGHTS: Readonly<Record<number, number>> = {
  [OP_READ]: RIGHT_READ,
  [OP_WRITE]: RIGHT_WRITE,
  [OP_FTRUNCATE]: RIGHT_WRITE,
  [OP_GETDENTS]: RIGHT_LIST,
  [OP_CALL]: RIGHT_CALL | RIGHT_READ | RIGHT_WRITE,
};

const PATH_RIGHTS: Readonly<Record<number, number>> = {
  [OP_UNLINK]: RIGHT_DELETE,
  [OP_RENAME]: RIGHT_DELETE,
  [OP_SYMLINK]: RIGHT_CREATE,
  [OP_READLINK]: RIGHT_READ,
};

/** True when `path` lies in the tree under `root`, component by component. */
export function covers(root: string, path: string): boolean {
  const wanted = root.split("/").filter((part) => part !== "");
  const given = path.split("/").filter((part) => part !== "");
  return wanted.every((part, i) => given[i] === part);
}

function isPlain(path: string): boolean {
  if (path === "/") return true;
  if (path === "" || path.includes("\0") || !path.isWellFormed()) return false;
  const parts = path.split("/");
  if (parts.shift() !== "") return false;
  return parts.every(
    (part) => part !== "" && part !== "." && part !== ".." && part.length <= NAME_BYTES_MAX,
  );
}

function needOfOpen(flags: number): number {
  let need = 0;
  if ((flags & O_READ) !== 0) need |= (flags & O_DIRECTORY) !== 0 ? RIGHT_LIST : RIGHT_READ;
  if ((flags & (O_WRITE | O_APPEND | O_TRUNCATE)) !== 0) need |= RIGHT_WRITE;
  if ((flags & O_CREATE) !== 0 && (flags & O_EXCLUSIVE) !== 0) need |= RIGHT_CREATE;
  return need;
}

/** The model. */
export class Oracle {
  readonly permits = new Map<number, Permit>();
  readonly #byName = new Map<string, Permit>();
  /** By client and provider, then by number. */
  readonly #grips = new Map<string, Map<number, Grip>>();
  /** Copies of handles that a child has not taken: by the name of its capability. */
  readonly #transit = new Map<string, Grip>();

  /** Adds a capability that the machine says it has made. @returns what is wrong with it */
  adopt(made: Omit<Permit, "live" | "parent">, parent: Permit | undefined): string | undefined {
    const name = `${made.provider}/${made.index}`;
    if (this.#byName.has(name)) return `${name} names a second capability`;
    if (parent !== undefined) {
      if (!parent.live) return `${made.id} was derived from a revoked one`;
      if ((made.rights & ~parent.rights) !== 0) return `${made.id} has more rights than its parent`;
      if (!covers(parent.root, made.root)) return `${made.id} reaches out of its parent`;
      if (made.provider !== parent.provider) return `${made.id} is at another provider`;
    }
    const permit: Permit = { ...made, parent, live: true };
    this.permits.set(made.id, permit);
    this.#byName.set(name, permit);
    return undefined;
  }

  /** What a process calls `index` at a provider, if it may. */
  held(client: number, provider: number, index: number): Permit | undefined {
    const permit = this.#byName.get(`${provider}/${index}`);
    return permit?.live === true && permit.holder === client ? permit : undefined;
  }

  /** Whether `caller` may revoke it: it holds it, or something above it. */
  mayRevoke(caller: number, id: number, host: number): boolean {
    const permit = this.permits.get(id);
    if (permit?.live !== true) return false;
    if (caller === host) return true;
    for (let at: Permit | undefined = permit; at !== undefined; at = at.parent) {
      if (at.holder === caller) return true;
    }
    return false;
  }

  #end(permit: Permit): void {
    permit.live = false;
    this.permits.delete(permit.id);
    this.#transit.delete(`${permit.provider}/${permit.index}`);
  }

  /** Ends a capability and all below it. */
  revoke(id: number): void {
    const top = this.permits.get(id);
    if (top === undefined) return;
    for (const permit of this.permits.values()) {
      let at: Permit | undefined = permit;
      while (at !== undefined && at !== top) at = at.parent;
      if (at === top) this.#end(permit);
    }
  }

  /** Ends single capabilities; those below stay, under the next one above. */
  drop(dead: (permit: Permit) => boolean): void {
    for (const permit of this.permits.values()) if (dead(permit)) this.#end(permit);
    for (const permit of this.permits.values()) {
      while (permit.parent?.live === false) permit.parent = permit.parent.parent;
    }
  }

  /** A process is gone. */
  died(pid: number): void {
    this.drop(({ holder }) => holder === pid);
    this.#forget(({ client, provider }) => client === pid || provider === pid);
  }

  /** A provider's incarnation is gone: nobody's handles on it mean anything. */
  restarted(pid: number): void {
    this.#forget(({ client, provider }) => client === pid || provider === pid);
    for (const [key, { provider }] of this.#transit) {
      if (provider === pid) this.#transit.delete(key);
    }
  }

  /** A client's channel to a provider was taken apart. */
  parted(client: number, provider: number): void {
    this.#grips.delete(`${client}/${provider}`);
  }

  #forget(gone: (grip: { client: number; provider: number }) => boolean): void {
    for (const key of this.#grips.keys()) {
      const [client = -1, provider = -1] = key.split("/").map(Number);
      if (gone({ client, provider })) this.#grips.delete(key);
    }
  }

  // --- handles ----------------------------------------------------------------------------------

  #table(client: number, provider: number): Map<number, Grip> {
    const key = `${client}/${provider}`;
    let table = this.#grips.get(key);
    if (table === undefined) {
      table = new Map();
      this.#grips.set(key, table);
    }
    return table;
  }

  /** Handles that a client has not closed, revoked ones among them. */
  grips(client: number, provider: number): Grip[] {
    return [...this.#table(client, provider).values()];
  }

  grip(client: number, provider: number, number: number): Grip | undefined {
    return this.#table(client, provider).get(number);
  }

  /** Notes a handle that the machine gave. @returns what is wrong with its number */
  give(grip: Grip): string | undefined {
    const table = this.#table(grip.client, grip.provider);
    if (table.has(grip.number)) return `handle ${grip.number} was given twice`;
    table.set(grip.number, grip);
    return undefined;
  }

  close(client: number, provider: number, number: number): void {
    this.#table(client, provider).delete(number);
  }

  /** A copy of `source` waits for the holder of `permit`. */
  pass(source: Grip, permit: Permit): void {
    this.#transit.set(`${permit.provider}/${permit.index}`, source);
  }

  /** Takes a copy that waits. */
  takePassed(client: number, provider: number, index: number): Grip | undefined {
    const key = `${provider}/${index}`;
    const source = this.#transit.get(key);
    const permit = this.held(client, provider, index);
    if (source === undefined || permit === undefined) return undefined;
    this.#transit.delete(key);
    return { ...source, client, permit };
  }

  // --- rules ------------------------------------------------------------------------------------

  /** The rights of the handle that this open is to give; undefined: it is refused. */
  open(
    client: number,
    at: { provider: number; index: number; path: string; flags: number },
  ): { permit: Permit; rights: number } | undefined {
    const permit = this.held(client, at.provider, at.index);
    if (permit === undefined || permit.rights === 0) return undefined;
    if (!isPlain(at.path) || !covers(permit.root, at.path)) return undefined;
    const need = needOfOpen(at.flags);
    if ((permit.rights & need) !== need) return undefined;
    let rights = permit.rights & RIGHT_CALL;
    if ((at.flags & O_READ) !== 0) rights |= permit.rights & (RIGHT_READ | RIGHT_LIST);
    if ((at.flags & (O_WRITE | O_APPEND)) !== 0) rights |= permit.rights & RIGHT_WRITE;
    return { permit, rights };
  }

  /** Whether a client may do this with a handle; `to` is the new name of a link. */
  onHandle(grip: Grip | undefined, opcode: number, to?: string): boolean {
    if (grip === undefined || !grip.permit.live || grip.permit.rights === 0) return false;
    const need = HANDLE_RIGHTS[opcode] ?? 0;
    if (need !== 0 && (grip.rights & grip.permit.rights & need) === 0) return false;
    if (to === undefined) return true;
    const { root, rights } = grip.permit;
    return isPlain(to) && covers(root, to) && (rights & RIGHT_CREATE) !== 0;
  }

  /** Whether a client may do this with names. */
  onPath(
    client: number,
    opcode: number,
    at: { provider: number; index: number; path: string; to?: string | undefined },
  ): boolean {
    const permit = this.held(client, at.provider, at.index);
    if (permit === undefined) return false;
    const may = (path: string, need: number): boolean =>
      isPlain(path) && covers(permit.root, path) && (permit.rights & need) === need;
    const need = PATH_RIGHTS[opcode] ?? 0;
    if (permit.rights === 0 || !may(at.path, need)) return false;
    return at.to === undefined || may(at.to, RIGHT_CREATE);
  }
}
