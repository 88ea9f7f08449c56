/**
 * The ground of the probes: a `World` with three daemons in a row, programs with different shares
 * of them, and the oracle that is told of everything. It also chooses numbers, honest and forged.
 */

import { AssertionError } from "../../ipc/assert.js";
import { slotOf } from "../../ipc/capability-index.js";
import { type Random, seededRandom } from "../../ipc/clock.js";
import { KERNEL_PID } from "../../ipc/mail.js";
import type { Actor, Answer } from "./actor.js";
import { type Grip, Oracle, type Permit } from "./oracle.js";
import { Vault } from "./vault.js";
import { World } from "./world.js";

export const DAEMONS = ["low", "mid", "high"] as const;

/** Plain paths; some of them begin like others, and some park. */
const PATHS = [
  ...["/", "/a", "/ab", "/a/b", "/a/b/c", "/a/bc", "/b", "/b/c", "/a.b"],
  ...["/slow", "/a/slow", "/a/b/slow", "/b/slow"],
];
/** What no client's gate would send. */
const CROOKED = [
  ...["/a/../b", "//a", "/a/", "a", "", "/a/./b", "/..", "/a/b/../../b", "../a", "/a//b"],
  ...["/a\0", "/a/..", "/./a", "\ud800", `/${"x".repeat(300)}`],
];

const SHARES = [
  ...["all", "read", "write", "read write", "read list", "read grant", "call", "list"],
  ...["read write create delete", "create", "delete", "read write create delete list call", ""],
];

/** A request that was not answered at once. */
export interface Waiting {
  client: Actor;
  provider: number;
  answer: Answer;
  grip: Grip;
  /** It has a field that no gate would write: it may be refused once its turn comes. */
  mayFail: boolean;
}

/** World, oracle, and what is under way. */
export class Ground {
  readonly seed: number;
  readonly random: Random;
  readonly oracle = new Oracle();
  readonly world: World;
  /** Vault of each daemon's living incarnation. */
  readonly vaults = new Map<string, Vault>();
  waiting: Waiting[] = [];
  /** Names of capabilities and handles that once were, to be tried again. */
  readonly oldIndices: number[] = [];
  readonly oldHandles: number[] = [];
  programs: Actor[] = [];
  /** The canary: revoked capabilities are put back behind the oracle's back. */
  sabotage = false;
  /** Requests that the oracle allowed, and capabilities that were made. */
  allowed = 0;
  made = 0;
  /** Probes done. */
  count = 0;
  /** What the present probe is, for messages. */
  what: string | (() => string) = "";
  #lastId = 0;
  /** Those that the machine began with. */
  readonly #first = new Set<number>();

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed);
    this.world = new World(
      DAEMONS.map((name, i) => ({
        name,
        // Each may call those below it.
        needs: Object.fromEntries(DAEMONS.slice(0, i).map((lower) => [`${lower}:/`, "all"])),
        make: () => {
          const vault = new Vault();
          this.vaults.set(name, vault);
          return vault.scheme();
        },
      })),
    );
  }

  /** Brings everybody up. */
  async start(): Promise<void> {
    await this.world.settle();
    for (const { id } of this.learn(undefined)) this.#first.add(id);
  }

  /** Fails the run, with what it takes to repeat it. */
  fail(why: string): never {
    const what = typeof this.what === "string" ? this.what : this.what();
    throw new AssertionError(`probe ${this.count} of seed ${this.seed}: ${what}: ${why}`);
  }

  pidOf(name: string): number {
    return this.world.kernel.processes.find(name)?.pid ?? -1;
  }

  vaultOf(provider: number): Vault {
    const name = this.world.kernel.processes.get(provider)?.name ?? "";
    return this.vaults.get(name) ?? this.fail(`no vault at ${provider}`);
  }

  /**
   * Tells the oracle of capabilities that the machine has made since the last time: each must have
   * been derived from one that `by` holds, and pass the oracle's rules.
   */
  learn(by: Actor | undefined): Permit[] {
    const made: Permit[] = [];
    for (const capability of this.world.capabilities.all()) {
      if (capability.id <= this.#lastId) continue;
      const { id, holder, provider, index, root, rights } = capability;
      const { parent } = capability;
      const above = parent === undefined ? undefined : this.oracle.permits.get(parent.id);
      if (parent !== undefined && above === undefined) this.fail(`${id} has an unknown parent`);
      if (by !== undefined && above?.holder !== by.pid) this.fail(`${id} is from a stranger's`);
      const wrong = this.oracle.adopt({ id, holder, provider, index, root, rights }, above);
      if (wrong !== undefined) this.fail(wrong);
      made.push(this.oracle.permits.get(id) as Permit);
    }
    for (const { id } of made) this.#lastId = Math.max(this.#lastId, id);
    this.made += made.length;
    return made;
  }

  /** Revokes what was derived from the first capabilities. */
  revokeAll(): void {
    this.what = "revoke all";
    for (const { id, parent } of [...this.oracle.permits.values()]) {
      if (parent === undefined || this.#first.has(id)) continue;
      this.world.host.ask("revoke", { id });
      this.oracle.revoke(id);
    }
  }

  /** Compares the oracle's capabilities with the kernel's, one by one. */
  compare(): void {
    const all = this.world.capabilities.all();
    if (all.length !== this.oracle.permits.size) {
      this.fail(`${all.length} capabilities, not ${this.oracle.permits.size}`);
    }
    for (const { id, holder, rights, root, parent } of all) {
      const permit = this.oracle.permits.get(id);
      const same =
        permit?.holder === holder &&
        permit.rights === rights &&
        permit.root === root &&
        permit.parent?.id === parent?.id;
      if (!same) this.fail(`capability ${id} is not what the oracle knows`);
    }
  }

  // --- choices ----------------------------------------------------------------------------------

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }

  client(): Actor {
    const { world } = this;
    if (this.chance(80) && this.programs.length > 0) return this.pick(this.programs);
    return this.chance(30) ? world.host : world.actor(this.pick(["mid", "high"]));
  }

  /** One of the providers that the client has a channel to; -1: none. */
  providerOf(client: Actor): number {
    const connected = [...client.channels.keys()];
    return connected.length === 0 ? -1 : this.pick(connected);
  }

  path(): string {
    return this.chance(85) ? this.pick(PATHS) : this.pick(CROOKED);
  }

  plainPath(): string {
    return this.pick(PATHS);
  }

  rights(): string {
    return this.pick(SHARES);
  }

  /** A permit of `client` at `provider`; undefined: it has none. */
  permitOf(client: Actor, provider: number): Permit | undefined {
    const own = [...this.oracle.permits.values()].filter(
      (permit) => permit.holder === client.pid && permit.provider === provider,
    );
    return own.length === 0 ? undefined : this.pick(own);
  }

  /** Number of a capability: mostly the client's own, else another's, an old one, or a forgery. */
  index(client: Actor, provider: number): number {
    const own = this.permitOf(client, provider)?.index;
    const kind = this.random.below(10);
    if (kind < 6 && own !== undefined) return own;
    if (kind === 6 && this.oracle.permits.size > 0) {
      return this.pick([...this.oracle.permits.values()]).index;
    }
    if (kind === 7 && this.oldIndices.length > 0) return this.pick(this.oldIndices);
    return this.forged(own ?? 1);
  }

  /** A number that looks like `near`. */
  forged(near: number): number {
    const slot = slotOf(near);
    return this.pick([
      ...[0, -1, 1, slot, slot + 1, slot + 8192, near + 1, near - 1, near + 8192, near | (2 ** 31)],
      this.random.below(2 ** 32) | 0,
      this.random.below(40),
    ]);
  }

  /** Number of a handle, in the same way. */
  handle(grips: readonly Grip[]): number {
    const kind = this.random.below(10);
    if (kind < 7 && grips.length > 0) return this.pick(grips).number;
    if (kind === 7 && this.oldHandles.length > 0) return this.pick(this.oldHandles);
    const near = grips.length > 0 ? this.pick(grips).number : 1024;
    return this.pick([0, -1, near ^ 1024, near + 1, near + 1024, this.random.below(5000)]);
  }

  remember(list: number[], number: number): void {
    if (list.length < 512) list.push(number);
    else list[this.random.below(512)] = number;
  }

  /** Programs at the host's word: each with some names and some rights on them. */
  async newProgram(): Promise<void> {
    const names = DAEMONS.filter(() => this.chance(70)).map((name) => ({
      url: `${name}:${this.pick(["/", "/", "/a", "/a/b"])}`,
      rights: this.rights(),
    }));
    const program = await this.world.program({ names });
    this.learn(this.world.host);
    this.programs.push(program);
    for (const { provider } of [...program.namespace]) {
      if (provider !== KERNEL_PID) await program.connect(provider);
    }
  }

  /** What the host and daemons need to speak to each other. */
  async connectAll(): Promise<void> {
    for (const client of [this.world.host, ...DAEMONS.map((name) => this.world.actor(name))]) {
      for (const { provider } of client.namespace) {
        if (provider !== KERNEL_PID) await client.connect(provider);
      }
    }
  }
}
