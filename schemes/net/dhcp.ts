/**
 * A DHCP client (RFC 2131 §4.4, figure 5). Pure: messages and time come in, messages and leases go
 * out.
 *
 *     selecting ─offer→ requesting ─ack→ bound ─T1→ renewing ─T2→ rebinding ─end→ selecting
 *     requesting, renewing, rebinding ─nak→ selecting; renewing, rebinding ─ack→ bound
 */

import type { Random } from "../../ipc/clock.js";
import { isUnicast, maskOf } from "./address.js";
import { DHCP_TYPE, type DhcpReply, encodeDhcp, parseDhcp } from "./dhcp-message.js";
import { sameMac } from "./ethernet.js";

/** RFC 2131 §4.1: first 4 s, doubled up to 64. */
const RETRY_MS_FIRST = 4000;
const RETRY_MS_MAX = 64_000;
const REQUESTS_MAX = 4;
const LEASE_S_DEFAULT = 3600;
/** A shorter lease would keep us asking; a longer one means "for ever" (§3.3). */
const LEASE_S_MIN = 60;
const LEASE_S_MAX = 0x7fffff;

/** What a server gave us, for how long. */
export interface Lease {
  readonly address: number;
  readonly prefix: number;
  readonly router: number | undefined;
  readonly nameServers: readonly number[];
  readonly server: number;
}

type State =
  | { tag: "selecting"; tries: number; atMs: number }
  | { tag: "requesting"; offer: DhcpReply; tries: number; atMs: number }
  | { tag: "bound"; lease: Lease; atMs: number; rebindMs: number; endMs: number }
  | { tag: "renewing"; lease: Lease; atMs: number; rebindMs: number; endMs: number }
  | { tag: "rebinding"; lease: Lease; atMs: number; endMs: number };

/** What the client needs. */
export interface DhcpParts {
  readonly mac: Uint8Array;
  readonly random: Random;
  /** Sends to a server; undefined is everybody. */
  send(message: Uint8Array, server: number | undefined): void;
  bound(lease: Lease): void;
  /** The lease is over. */
  lost(lease: Lease): void;
}

/** See the head of the file. */
export class DhcpClient {
  readonly #parts: DhcpParts;
  #transaction: number;
  #state: State;

  constructor(parts: DhcpParts, nowMs: number) {
    this.#parts = parts;
    this.#transaction = parts.random.below(2 ** 32);
    this.#state = { tag: "selecting", tries: 0, atMs: nowMs };
  }

  get tag(): State["tag"] {
    return this.#state.tag;
  }

  get deadlineMs(): number {
    return this.#state.atMs;
  }

  /** A message came to port 68. */
  arrive(bytes: Uint8Array, nowMs: number): void {
    const reply = parseDhcp(bytes);
    if (reply === undefined || reply.transaction !== this.#transaction) return;
    if (!sameMac(reply.station, this.#parts.mac)) return;
    const state = this.#state;
    if (reply.type === DHCP_TYPE.NAK && state.tag !== "selecting" && state.tag !== "bound") {
      if (state.tag !== "requesting") this.#parts.lost(state.lease);
      this.#restart(nowMs);
    } else if (state.tag === "selecting" && reply.type === DHCP_TYPE.OFFER) {
      if (!isUnicast(reply.address) || reply.server === undefined) return;
      this.#state = { tag: "requesting", offer: reply, tries: 0, atMs: nowMs };
      this.tick(nowMs);
    } else if (reply.type === DHCP_TYPE.ACK) this.#acknowledged(reply, nowMs);
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    const state = this.#state;
    if (state.atMs > nowMs) return;
    switch (state.tag) {
      case "selecting":
        this.#send(DHCP_TYPE.DISCOVER, {});
        this.#state = { ...state, tries: state.tries + 1, atMs: nowMs + backOff(state.tries) };
        return;
      case "requesting":
        if (state.tries >= REQUESTS_MAX) this.#restart(nowMs);
        else this.#request(state, nowMs);
        return;
      case "bound":
        this.#transaction = this.#parts.random.below(2 ** 32);
        this.#renew({ ...state, tag: "renewing" }, nowMs);
        return;
      case "renewing":
        if (nowMs < state.rebindMs) this.#renew(state, nowMs);
        else this.#rebind({ ...state, tag: "rebinding" }, nowMs);
        return;
      case "rebinding":
        if (nowMs < state.endMs) {
          this.#rebind(state, nowMs);
          return;
        }
        this.#parts.lost(state.lease);
        this.#restart(nowMs);
    }
  }

  #restart(nowMs: number): void {
    this.#transaction = this.#parts.random.below(2 ** 32);
    this.#state = { tag: "selecting", tries: 0, atMs: nowMs };
    this.tick(nowMs);
  }

  #request(state: State & { tag: "requesting" }, nowMs: number): void {
    const { address, server } = state.offer;
    this.#send(DHCP_TYPE.REQUEST, {
      wanted: address,
      ...(server === undefined ? {} : { server }),
    });
    this.#state = { ...state, tries: state.tries + 1, atMs: nowMs + backOff(state.tries) };
  }

  #renew(state: State & { tag: "renewing" }, nowMs: number): void {
    const { address, server } = state.lease;
    this.#send(DHCP_TYPE.REQUEST, { client: address, to: server });
    this.#state = { ...state, atMs: halfWay(nowMs, state.rebindMs) };
  }

  #rebind(state: State & { tag: "rebinding" }, nowMs: number): void {
    this.#send(DHCP_TYPE.REQUEST, { client: state.lease.address });
    this.#state = { ...state, atMs: halfWay(nowMs, state.endMs) };
  }

  #send(
    type: number,
    say: { client?: number; wanted?: number; server?: number; to?: number },
  ): void {
    const { mac, send } = this.#parts;
    const { client = 0, to, ...rest } = say;
    send(encodeDhcp({ type, transaction: this.#transaction, mac, client, ...rest }), to);
  }

  #acknowledged(reply: DhcpReply, nowMs: number): void {
    const state = this.#state;
    if (state.tag === "selecting" || state.tag === "bound" || !isUnicast(reply.address)) return;
    const before = state.tag === "requesting" ? undefined : state.lease;
    const server = reply.server ?? (before?.server || 0);
    const lease = {
      address: reply.address,
      prefix: prefixOf(reply.mask),
      router: reply.router,
      nameServers: reply.nameServers,
      server,
    };
    const seconds = Math.min(Math.max(reply.leaseS ?? LEASE_S_DEFAULT, LEASE_S_MIN), LEASE_S_MAX);
    // RFC 2131 §4.4.5: T1 is half of the lease, T2 seven eighths.
    const renew = Math.min(reply.renewalS ?? seconds / 2, seconds / 2);
    const rebind = Math.min(reply.rebindingS ?? (seconds * 7) / 8, (seconds * 7) / 8);
    this.#state = {
      tag: "bound",
      lease,
      atMs: nowMs + renew * 1000,
      rebindMs: nowMs + rebind * 1000,
      endMs: nowMs + seconds * 1000,
    };
    if (before !== undefined && before.address !== lease.address) this.#parts.lost(before);
    if (before?.address !== lease.address) this.#parts.bound(lease);
  }
}

function backOff(tries: number): number {
  return Math.min(RETRY_MS_FIRST * 2 ** tries, RETRY_MS_MAX);
}

/** §4.4.5: half of the time that is left, but not below a minute. */
function halfWay(nowMs: number, untilMs: number): number {
  return Math.min(untilMs, nowMs + Math.max((untilMs - nowMs) / 2, LEASE_S_MIN * 1000));
}

/** Bits of a mask; one with holes, or none, counts as that of 256 hosts. */
function prefixOf(mask: number | undefined): number {
  for (let bits = 1; bits <= 32; bits++) if (maskOf(bits) === mask) return bits;
  return 24;
}
