/**
 * The running network: a stack, its clock, and the link that carries its frames. Everything that
 * uses the stack calls `settle` afterwards, so that the timer stands where it must.
 */

import type { Random } from "../../ipc/clock.js";
import { errnoOf } from "../../ipc/errno.js";
import { formatAddress } from "../net/address.js";
import { DhcpClient, type Lease } from "../net/dhcp.js";
import { Resolver } from "../net/resolver.js";
import { Stack } from "../net/stack.js";

const DHCP_SERVER_PORT = 67;
const DHCP_CLIENT_PORT = 68;
const BROADCAST = 0xffffffff;
const TIMER_MS_MAX = 60_000;
/** Who opens something before there is an address waits for one, but no longer than this. */
const CONFIGURE_MS_MAX = 10_000;

/** An address of ours, as it is set by hand. */
export interface StaticAddress {
  readonly address: number;
  readonly prefix: number;
  readonly router: number | undefined;
  readonly nameServers: readonly number[];
}

/** What a service is made of. */
export interface ServiceParts {
  readonly mac: Uint8Array;
  readonly random: Random;
  readonly secret: Uint8Array;
  now(): number;
  /** Sends a frame, or drops it. */
  transmit(frame: Uint8Array): void;
  log(line: string): void;
  /** Calls `then` once, after a time; answers how to take that back. */
  timer(then: () => void, milliseconds: number): () => void;
}

/** See the head of the file. */
export class NetService {
  readonly stack: Stack;
  readonly resolver: Resolver;
  readonly random: Random;
  readonly #parts: ServiceParts;
  #dhcp: DhcpClient | undefined;
  #cancelTimer: () => void = () => {};
  /** Told when there is an address; undefined once there was one, or the wait is over. */
  #unconfigured: (() => void)[] | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.random = parts.random;
    this.stack = new Stack({
      mac: parts.mac,
      random: parts.random,
      secret: parts.secret,
      transmit: (frame) => parts.transmit(frame),
      conflict: (address, mac) => {
        const station = Buffer.from(mac).toString("hex");
        parts.log(`${formatAddress(address)} is also used by ${station}`);
      },
    });
    this.resolver = new Resolver(this.stack, parts.random);
  }

  now(): number {
    return this.#parts.now();
  }

  /** A frame came. */
  arrive(frame: Uint8Array): void {
    this.stack.arrive(frame, this.now());
    this.settle();
  }

  /** Does what is due, and sets the timer for what comes next. */
  settle(): void {
    const now = this.now();
    if (this.#deadlineMs <= now) this.#tick(now);
    const next = this.#deadlineMs;
    if (next === this.#timerMs) return;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#timerMs = next;
    if (next === Number.POSITIVE_INFINITY) return;
    const after = Math.min(Math.max(0, Math.ceil(next - this.now())), TIMER_MS_MAX);
    this.#cancelTimer = this.#parts.timer(() => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.settle();
    }, after);
  }

  /** Sets our address by hand. */
  configure({ address, prefix, router, nameServers }: StaticAddress): void {
    const { stack } = this;
    for (const old of [...stack.addresses.keys()]) stack.removeAddress(old, this.now());
    stack.addAddress(address, prefix, this.now());
    if (router !== undefined) {
      stack.routes.add({ network: 0, prefix: 0, gateway: router, source: address });
    }
    if (nameServers.length > 0) this.resolver.servers = nameServers;
    this.#parts.log(`address ${formatAddress(address)}/${prefix}`);
    this.#configured();
    this.settle();
  }

  /** Resolves when there is an address, or the wait for one is over; undefined when it is. */
  configured(): Promise<void> | undefined {
    const waiting = this.#unconfigured;
    if (waiting === undefined) return undefined;
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  }

  #configured(): void {
    const waiting = this.#unconfigured ?? [];
    this.#unconfigured = undefined;
    for (const then of waiting) then();
  }

  /** Asks for an address, and keeps it (RFC 2131). */
  startDhcp(): void {
    const { stack } = this;
    this.#unconfigured = [];
    this.#parts.timer(() => this.#configured(), CONFIGURE_MS_MAX);
    const socket = stack.udp.open({ address: 0, port: DHCP_CLIENT_PORT });
    const dhcp = new DhcpClient(
      {
        mac: stack.mac,
        random: this.random,
        send: (message, server) => {
          const to = { address: server ?? BROADCAST, port: DHCP_SERVER_PORT };
          try {
            stack.sendDatagram(socket, message, to, this.now());
          } catch (thrown) {
            // Without a route it is as good as lost on the way: it will be sent again.
            if (errnoOf(thrown) === undefined) throw thrown;
          }
        },
        bound: (lease: Lease) => this.configure(lease),
        lost: ({ address }) => {
          stack.removeAddress(address, this.now());
          this.#parts.log(`address ${formatAddress(address)} is lost`);
        },
      },
      this.now(),
    );
    socket.changed = () => {
      for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
        dhcp.arrive(got.payload, this.now());
      }
    };
    this.#dhcp = dhcp;
    this.settle();
  }

  get #deadlineMs(): number {
    const dhcp = this.#dhcp?.deadlineMs ?? Number.POSITIVE_INFINITY;
    return Math.min(this.stack.deadlineMs, this.resolver.deadlineMs, dhcp);
  }

  #tick(now: number): void {
    this.stack.tick(now);
    this.resolver.tick(now);
    this.#dhcp?.tick(now);
  }
}
