/**
 * Finds the addresses of names: asks name servers over UDP, each question from a port and with a
 * number that nobody can guess (RFC 5452), and remembers answers, also that there is none (RFC
 * 2308). Pure but for the stack below it.
 */

import type { Random } from "../../ipc/clock.js";
import {
  EHOSTUNREACH,
  EINVAL,
  ENOBUFS,
  ENOENT,
  type Errno,
  ETIMEDOUT,
  errnoOf,
} from "../../ipc/errno.js";
import { ANY_ADDRESS, parseAddress } from "./address.js";
import type { DatagramSocket } from "./datagram-socket.js";
import { encodeQuestion, isName, parseAnswer } from "./dns-message.js";
import { DNS_CACHE_MAX, DNS_QUESTIONS_MAX } from "./limits.js";
import type { Stack } from "./stack.js";

const DNS_PORT = 53;
const RETRY_MS = 2000;
const TRIES_MAX = 4;
/** Bounds of what is remembered, whatever the server says. */
const TTL_S_MIN = 5;
const TTL_S_MAX = 86_400;
const IDENTIFIERS = 0x10000;

/** Addresses, or why there are none. */
export type Resolved = { addresses: readonly number[] } | { error: Errno };

interface Question {
  readonly name: string;
  readonly waiting: ((resolved: Resolved) => void)[];
  socket: DatagramSocket | undefined;
  identifier: number;
  tries: number;
  atMs: number;
}

/** See the head of the file. */
export class Resolver {
  readonly #stack: Stack;
  readonly #random: Random;
  readonly #cache = new Map<string, { resolved: Resolved; untilMs: number }>();
  readonly #questions = new Map<string, Question>();
  /** Asked in turn. */
  servers: readonly number[] = [];

  constructor(stack: Stack, random: Random) {
    this.#stack = stack;
    this.#random = random;
  }

  get deadlineMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#questions.values()) first = Math.min(first, atMs);
    return first;
  }

  /** Names that are remembered. */
  get cached(): number {
    return this.#cache.size;
  }

  /** Calls `then` with the addresses of a name, at once if they are known. */
  resolve(text: string, nowMs: number, then: (resolved: Resolved) => void): void {
    const literal = parseAddress(text);
    const name = text.replace(/\.$/, "").toLowerCase();
    const known = this.#cache.get(name);
    if (literal !== undefined) then({ addresses: [literal] });
    else if (name === "localhost") then({ addresses: [0x7f000001] });
    else if (!isName(name)) then({ error: EINVAL });
    else if (known !== undefined && known.untilMs > nowMs) then(known.resolved);
    else if (this.servers.length === 0) then({ error: EHOSTUNREACH });
    else this.#ask(name, nowMs, then);
  }

  /** Asks again what nobody answered. */
  tick(nowMs: number): void {
    for (const question of [...this.#questions.values()]) {
      if (question.atMs <= nowMs) this.#send(question, nowMs);
    }
  }

  #ask(name: string, nowMs: number, then: (resolved: Resolved) => void): void {
    const known = this.#questions.get(name);
    if (known !== undefined) {
      known.waiting.push(then);
      return;
    }
    if (this.#questions.size >= DNS_QUESTIONS_MAX) {
      then({ error: ENOBUFS });
      return;
    }
    const question = { name, waiting: [then], socket: undefined, identifier: 0, tries: 0, atMs: 0 };
    this.#questions.set(name, question);
    this.#send(question, nowMs);
  }

  #send(question: Question, nowMs: number): void {
    if (question.tries >= TRIES_MAX) {
      this.#settle(question, { error: ETIMEDOUT });
      return;
    }
    const server = this.servers[question.tries % Math.max(1, this.servers.length)] ?? ANY_ADDRESS;
    const to = { address: server, port: DNS_PORT };
    this.#forget(question);
    question.tries += 1;
    question.atMs = nowMs + RETRY_MS;
    question.identifier = this.#random.below(IDENTIFIERS);
    try {
      const socket = this.#stack.udp.open({ address: ANY_ADDRESS, port: 0 }, to);
      question.socket = socket;
      socket.changed = () => this.#arrive(question, socket);
      const bytes = encodeQuestion(question.identifier, question.name);
      this.#stack.sendDatagram(socket, bytes, to, nowMs);
    } catch (thrown) {
      const error = errnoOf(thrown);
      if (error === undefined) throw thrown;
      this.#settle(question, { error });
    }
  }

  #arrive(question: Question, socket: DatagramSocket): void {
    if (socket.error !== undefined) {
      // The server is not there: the next one is asked when the time comes.
      socket.error = undefined;
      question.atMs = this.#stack.nowMs;
    }
    for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
      const answer = parseAnswer(got.payload, question);
      if (answer === undefined) continue;
      if (answer.tag === "failed") {
        question.atMs = this.#stack.nowMs;
        continue;
      }
      const resolved =
        answer.tag === "addresses" ? { addresses: answer.addresses } : { error: ENOENT };
      this.#remember(question.name, resolved, answer.ttlS);
      this.#settle(question, resolved);
      return;
    }
  }

  #remember(name: string, resolved: Resolved, ttlS: number): void {
    const seconds = Math.min(Math.max(ttlS, TTL_S_MIN), TTL_S_MAX);
    const [oldest] = this.#cache.keys();
    this.#cache.delete(name);
    if (this.#cache.size >= DNS_CACHE_MAX && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(name, { resolved, untilMs: this.#stack.nowMs + seconds * 1000 });
  }

  #forget(question: Question): void {
    if (question.socket !== undefined) this.#stack.udp.close(question.socket);
    question.socket = undefined;
  }

  #settle(question: Question, resolved: Resolved): void {
    this.#forget(question);
    this.#questions.delete(question.name);
    for (const then of question.waiting) then(resolved);
  }
}
