/**
 * Which station has which address: a cache that is filled by ARP (RFC 826), checked again when it
 * is old (RFC 1122 §2.3.2.1, unicast polls), and not filled by what nobody asked for. Our own
 * address is defended (RFC 5227 §2.4).
 *
 *     incomplete ─answer→ reachable ─60 s, used→ probed ─answer→ reachable
 *     incomplete, probed ─nobody answers→ forgotten
 */

import { BROADCAST_MAC, isUnicast, MAC_BYTES } from "./address.js";
import { ARP_REPLY, ARP_REQUEST, type ArpMessage, encodeArp, parseArp } from "./arp.js";
import { ETHER_TYPE, isStation, putEthernet, sameMac } from "./ethernet.js";
import { NEIGHBOUR_QUEUE_MAX, NEIGHBOURS_MAX } from "./limits.js";

const REACHABLE_MS = 60_000;
const RETRY_MS = 1000;
const TRIES_MAX = 3;
/** RFC 5227 §1.1: DEFEND_INTERVAL. */
const DEFEND_MS = 10_000;

type Neighbour =
  | { tag: "incomplete"; queue: Uint8Array[]; source: number; tries: number; atMs: number }
  | { tag: "reachable"; mac: Uint8Array; untilMs: number }
  | { tag: "probed"; mac: Uint8Array; source: number; tries: number; atMs: number };

/** What the cache needs of the host. */
export interface NeighboursParts {
  readonly mac: Uint8Array;
  transmit(frame: Uint8Array): void;
  isOurs(address: number): boolean;
  /** Nobody has the address: these frames could not be sent. */
  unreachable(address: number, frames: Uint8Array[]): void;
  /** Another station uses an address of ours. */
  conflict(address: number, mac: Uint8Array): void;
}

/** See the head of the file. */
export class Neighbours {
  readonly #parts: NeighboursParts;
  /** In the order of use: the first one gives way. */
  readonly #table = new Map<number, Neighbour>();
  #defendedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: NeighboursParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Addresses and stations, for people. */
  *list(): Generator<{ address: number; state: string; mac: Uint8Array | undefined }> {
    for (const [address, neighbour] of this.#table) {
      const mac = neighbour.tag === "incomplete" ? undefined : neighbour.mac;
      yield { address, state: neighbour.tag, mac };
    }
  }

  get deadlineMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const neighbour of this.#table.values()) {
      if (neighbour.tag !== "reachable") first = Math.min(first, neighbour.atMs);
    }
    return first;
  }

  /** Sends an IPv4 frame to a neighbour, when its station is known. `source` is who asks for it. */
  send(address: number, frame: Uint8Array, { source, nowMs }: { source: number; nowMs: number }) {
    let neighbour = this.#table.get(address);
    if (neighbour === undefined) {
      neighbour = { tag: "incomplete", queue: [], source, tries: 0, atMs: nowMs };
      this.#put(address, neighbour);
      neighbour.queue.push(frame);
      this.#ask(address, neighbour, nowMs);
      return;
    }
    this.#table.delete(address);
    this.#table.set(address, neighbour);
    if (neighbour.tag === "incomplete") {
      // RFC 1122 §2.3.2.2: at least the latest is kept.
      if (neighbour.queue.length >= NEIGHBOUR_QUEUE_MAX) neighbour.queue.shift();
      neighbour.queue.push(frame);
      return;
    }
    if (neighbour.tag === "reachable" && neighbour.untilMs <= nowMs) {
      const probed: Neighbour = { ...neighbour, tag: "probed", source, tries: 0, atMs: nowMs };
      this.#table.set(address, probed);
      this.#ask(address, probed, nowMs);
    }
    this.#transmit(frame, neighbour.mac);
  }

  /** A message came. */
  arrive(bytes: Uint8Array, nowMs: number): void {
    const message = parseArp(bytes);
    if (message === undefined || !isStation(message.senderMac)) return;
    const { senderAddress, senderMac, targetAddress, operation } = message;
    if (this.#parts.isOurs(senderAddress)) {
      if (!sameMac(senderMac, this.#parts.mac)) this.#defend(message, nowMs);
      return;
    }
    const asked = operation === ARP_REQUEST && this.#parts.isOurs(targetAddress);
    // Learned is what we wanted to know, and who is about to talk to us (RFC 826).
    if (isUnicast(senderAddress) && (this.#table.has(senderAddress) || asked)) {
      this.#learn(senderAddress, senderMac, nowMs);
    }
    if (asked) {
      const { mac, transmit } = this.#parts;
      const answer = { operation: ARP_REPLY, senderMac: mac, senderAddress: targetAddress };
      const target = { targetMac: senderMac.slice(), targetAddress: senderAddress };
      transmit(encodeArp({ ...answer, ...target }, target.targetMac));
    }
  }

  /** Says that an address is ours (RFC 5227 §2.3). */
  announce(address: number): void {
    const { mac, transmit } = this.#parts;
    const nobody = new Uint8Array(MAC_BYTES);
    const sender = { senderMac: mac, senderAddress: address };
    transmit(
      encodeArp({
        operation: ARP_REQUEST,
        ...sender,
        targetMac: nobody,
        targetAddress: address,
      }),
    );
  }

  /** Asks again where nobody answered, and gives up. */
  tick(nowMs: number): void {
    for (const [address, neighbour] of [...this.#table]) {
      if (neighbour.tag === "reachable" || neighbour.atMs > nowMs) continue;
      if (neighbour.tries < TRIES_MAX) {
        this.#ask(address, neighbour, nowMs);
        continue;
      }
      this.#table.delete(address);
      const queue = neighbour.tag === "incomplete" ? neighbour.queue : [];
      this.#parts.unreachable(address, queue);
    }
  }

  /** Forgets everything: the link was down, or our addresses have changed. */
  clear(): void {
    this.#table.clear();
  }

  #put(address: number, neighbour: Neighbour): void {
    const [first] = this.#table.keys();
    if (this.#table.size >= NEIGHBOURS_MAX && first !== undefined) this.#table.delete(first);
    this.#table.set(address, neighbour);
  }

  #ask(address: number, neighbour: Exclude<Neighbour, { tag: "reachable" }>, nowMs: number): void {
    neighbour.tries += 1;
    neighbour.atMs = nowMs + RETRY_MS;
    const { mac, transmit } = this.#parts;
    const to = neighbour.tag === "probed" ? neighbour.mac : BROADCAST_MAC;
    const sender = { senderMac: mac, senderAddress: neighbour.source };
    const target = { targetMac: new Uint8Array(MAC_BYTES), targetAddress: address };
    transmit(encodeArp({ operation: ARP_REQUEST, ...sender, ...target }, to));
  }

  #learn(address: number, senderMac: Uint8Array, nowMs: number): void {
    const known = this.#table.get(address);
    // A copy: what came is a view of a whole frame.
    const mac = senderMac.slice();
    this.#table.delete(address);
    this.#put(address, { tag: "reachable", mac, untilMs: nowMs + REACHABLE_MS });
    if (known?.tag === "incomplete") for (const frame of known.queue) this.#transmit(frame, mac);
  }

  #transmit(frame: Uint8Array, destination: Uint8Array): void {
    const { mac, transmit } = this.#parts;
    putEthernet(frame, { destination, source: mac, type: ETHER_TYPE.IPV4 });
    transmit(frame);
  }

  /** RFC 5227 §2.4 (b): says once that the address is ours, then bears it for a while. */
  #defend({ senderAddress, senderMac }: ArpMessage, nowMs: number): void {
    this.#parts.conflict(senderAddress, senderMac.slice());
    if (nowMs - this.#defendedMs < DEFEND_MS) return;
    this.#defendedMs = nowMs;
    this.announce(senderAddress);
  }
}
