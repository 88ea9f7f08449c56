/**
 * Where packets go: routes by longest prefix, and what was learned of paths (RFC 1191). Bounded; a
 * path's MTU is forgotten after a while, so that a better one is found.
 */

import { EEXIST, ENOBUFS, ENOENT } from "../../ipc/errno.js";
import { maskOf } from "./address.js";
import { PATHS_MAX, ROUTES_MAX } from "./limits.js";

/** RFC 1191 §6.3: about ten minutes. */
const PATH_MS = 600_000;
/**
 * Less is not believed (RFC 791: every host takes 576; links below 552 are not worth the attack).
 */
const PATH_MTU_MIN = 552;

/** A way to a network: straight, or through a gateway. */
export interface Route {
  readonly network: number;
  /** Bits of the prefix; 0 is the default route. */
  readonly prefix: number;
  readonly gateway: number | undefined;
  /** Our address on that way. */
  readonly source: number;
}

/** See the head of the file. */
export class Routes {
  readonly #routes: Route[] = [];
  readonly #paths = new Map<number, { mtu: number; untilMs: number }>();

  get list(): readonly Route[] {
    return this.#routes;
  }

  /** Paths that are narrower than the link. */
  get pathCount(): number {
    return this.#paths.size;
  }

  /** @throws EEXIST when the network has a route, ENOBUFS when there are too many */
  add(route: Route): void {
    if (this.#routes.length >= ROUTES_MAX) throw ENOBUFS;
    if (this.#find(route) !== undefined) throw EEXIST;
    this.#routes.push(route);
    this.#routes.sort((a, b) => b.prefix - a.prefix);
  }

  /** @throws ENOENT */
  remove(network: Pick<Route, "network" | "prefix">): void {
    const found = this.#find(network);
    if (found === undefined) throw ENOENT;
    this.#routes.splice(this.#routes.indexOf(found), 1);
  }

  /** Forgets the routes of an address that is no longer ours. */
  removeSource(source: number): void {
    for (const route of [...this.#routes]) if (route.source === source) this.remove(route);
  }

  lookup(destination: number): Route | undefined {
    return this.#routes.find(
      ({ network, prefix }) => (destination & maskOf(prefix)) >>> 0 === network,
    );
  }

  /** The largest packet for a destination, as far as known. */
  mtu(destination: number, linkMtu: number, nowMs: number): number {
    const path = this.#paths.get(destination);
    return path === undefined || path.untilMs <= nowMs ? linkMtu : Math.min(path.mtu, linkMtu);
  }

  /** A router says that a path is narrower; answers the MTU that is believed. */
  narrow(destination: number, mtu: number, nowMs: number): number {
    const believed = Math.max(mtu, PATH_MTU_MIN);
    const [oldest] = this.#paths.keys();
    this.#paths.delete(destination);
    if (this.#paths.size >= PATHS_MAX && oldest !== undefined) this.#paths.delete(oldest);
    this.#paths.set(destination, { mtu: believed, untilMs: nowMs + PATH_MS });
    return believed;
  }

  #find({ network, prefix }: Pick<Route, "network" | "prefix">): Route | undefined {
    return this.#routes.find((one) => one.network === network && one.prefix === prefix);
  }
}
