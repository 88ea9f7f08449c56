/**
 * One run of the recovery simulation: a client's connection and a mortal provider in one thread,
 * under a seeded scheduler. The kernel's part (fence, exit, new channel) comes between any two
 * steps. What every request then must have seen is checked in `verdict`.
 */

import { type Random, seededRandom } from "../../ipc/clock.js";
import { allocateDoorbell } from "../../ipc/doorbell.js";
import { ECANCELED, EIO, ENODEV, EOWNERDEAD, ESTALE } from "../../ipc/errno.js";
import { OP_CALL, OP_FSYNC, OP_OPEN, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { Connection } from "../../kernel/gate/connection.js";
import { OPEN_ROOM, parseOpenReply } from "../../kernel/gate/open-reply.js";
import { Request } from "../../kernel/gate/request.js";
import { Session } from "../../kernel/gate/session.js";
import { MortalProvider, World } from "./mortal-provider.js";

const ARENA_BYTES = 64 * 1024;
const STEPS = 150;

/** What may happen in a run besides requests and deaths. */
export interface Weather {
  closes?: boolean;
  cancels?: boolean;
  /** Sessions whose objects die with the provider. */
  volatile?: boolean;
  /** In the end the provider is given up. */
  givesUp?: boolean;
  /** Canary: the client is told of each death twice as early as it may act on it. */
  classifiesEarly?: boolean;
}

interface Sent {
  n: number;
  object: string;
  request: Request;
  answers: number;
}

/** A client, its connection, and whoever provides at the moment. */
export class Simulation {
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #world = new World();
  readonly #connection = new Connection(7);
  readonly #sent: Sent[] = [];
  readonly #sessions: Session[] = [];
  #provider: MortalProvider | undefined;
  #incarnation = 0;
  /** What the kernel does next to a dying provider. */
  #dying: "alive" | "killed" | "fenced" | "dead" = "dead";
  #deaths = 0;

  constructor(seed: number, weather: Weather) {
    this.#random = seededRandom(seed);
    this.#weather = weather;
  }

  /** Runs to the end. Returns what went wrong. */
  run(): string[] {
    const objects = ["/p0", "/p1", "/s0", ...(this.#weather.volatile === true ? ["/v0"] : [])];
    for (const object of objects) this.#open(object);
    for (let step = 0; step < STEPS; step++) this.#step();
    if (this.#weather.givesUp === true) {
      this.#connection.givenUp();
    } else {
      for (let step = 0; step < 5000 && this.#unanswered() > 0; step++) this.#calm();
    }
    return [...this.#world.faults, ...this.#verdict()];
  }

  get deaths(): number {
    return this.#deaths;
  }

  #unanswered(): number {
    return this.#sent.filter(({ answers }) => answers === 0).length;
  }

  #step(): void {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 30) this.#request();
    else if (dice < 70) this.#provider?.step(random);
    else if (dice < 85) this.#connection.poll();
    else if (dice < 90) this.#kernel();
    else if (dice < 93 && this.#dying === "alive") this.#dying = "killed";
    else if (dice < 96 && this.#weather.cancels === true) this.#cancel();
    else if (dice < 98 && this.#weather.closes === true) this.#close();
    else this.#connection.poll();
  }

  /** Nobody dies any more. */
  #calm(): void {
    if (this.#dying !== "alive") this.#kernel();
    this.#provider?.step(this.#random);
    this.#connection.poll();
  }

  /** One step of the kernel: fence, exit, new channel. Until the exit the provider works on. */
  #kernel(): void {
    switch (this.#dying) {
      case "alive":
        return;
      case "killed":
        this.#connection.fenced();
        if (this.#weather.classifiesEarly === true) this.#connection.died(true);
        this.#dying = "fenced";
        return;
      case "fenced":
        this.#provider = undefined;
        this.#deaths++;
        this.#connection.died(this.#random.below(2) === 0);
        this.#dying = "dead";
        return;
      case "dead": {
        const memory = allocateChannel(ARENA_BYTES);
        const bell = allocateDoorbell();
        this.#incarnation++;
        this.#provider = new MortalProvider(this.#world, memory, bell, this.#incarnation);
        this.#connection.connected(memory, bell, this.#incarnation);
        this.#dying = "alive";
      }
    }
  }

  #send(request: Request, object: string): void {
    const sent: Sent = { n: this.#sent.length + 1, object, request, answers: 0 };
    request.arg0 = sent.n;
    this.#world.meant.set(sent.n, object);
    this.#sent.push(sent);
    const then = request.onDone;
    request.onDone = (done) => {
      sent.answers++;
      then?.(done);
    };
    this.#connection.submit(request);
  }

  #open(path: string): void {
    const connection = this.#connection;
    const request = new Request(OP_OPEN, { connection, capability: 1 });
    request.bytes = Buffer.from(path);
    request.room = OPEN_ROOM;
    request.arg1 = O_READ | O_WRITE;
    request.offset = 0;
    request.onDone = () => {
      if (request.result < 0) return;
      const facts = { url: path, path, flags: O_READ | O_WRITE, capability: 1 };
      const session = new Session(connection, facts);
      session.handle = request.result;
      session.identity = parseOpenReply(request.body);
      session.positioned = request.positioned;
      connection.sessions.add(session);
      this.#sessions.push(session);
    };
    this.#send(request, path);
  }

  #request(): void {
    const session = this.#sessions[this.#random.below(Math.max(1, this.#sessions.length))];
    if (session === undefined) return;
    const opcodes = [OP_READ, OP_WRITE, OP_WRITE, OP_CALL, OP_FSYNC];
    const opcode = opcodes[this.#random.below(opcodes.length)] as number;
    const request = new Request(opcode, { connection: this.#connection, session });
    request.offset = 0;
    if (opcode === OP_READ || opcode === OP_WRITE) request.bytes = Buffer.alloc(4);
    if (opcode === OP_WRITE) (request.bytes as Buffer).writeUInt32LE(this.#sent.length + 1);
    this.#send(request, session.path);
  }

  #cancel(): void {
    const waiting = this.#sent.filter(({ answers }) => answers === 0);
    const one = waiting[this.#random.below(Math.max(1, waiting.length))];
    if (one !== undefined) this.#connection.abandon(one.request, ECANCELED);
  }

  /** Closes a session that may have requests on their way, and opens the object again. */
  #close(): void {
    const [session] = this.#sessions.splice(this.#random.below(this.#sessions.length), 1);
    if (session === undefined) return;
    this.#connection.close(session);
    this.#open(session.path);
  }

  #verdict(): string[] {
    const wrong: string[] = [];
    const last = new Map<string, Sent>();
    for (const sent of this.#sent) {
      wrong.push(...this.#judge(sent).map((text) => `request ${sent.n}: ${text}`));
      if (sent.request.opcode === OP_WRITE) last.set(sent.object, sent);
    }
    for (const [object, { n, request }] of last) {
      const value = this.#world.cells.get(object);
      if (request.result === 4 && value !== n) wrong.push(`${object} holds ${value}, not ${n}`);
    }
    return wrong;
  }

  #judge({ n, request, answers }: Sent): string[] {
    const effects = this.#world.effects.get(n) ?? 0;
    const { result, outcome, operationClass } = request;
    const wrong: string[] = [];
    if (answers !== 1) wrong.push(`answered ${answers} times`);
    if (request.opcode === OP_OPEN) return wrong;
    if (operationClass === "once" && effects > 1) wrong.push(`done ${effects} times`);
    if (result >= 0 && effects === 0) wrong.push("acknowledged, never done");
    if (outcome === "not-executed" && effects > 0)
      wrong.push(`not executed, done ${effects} times`);
    const allowed = [EIO, ECANCELED, ESTALE, ENODEV, EOWNERDEAD].map(({ errno }) => -errno);
    if (result < 0 && !allowed.includes(result)) wrong.push(`ended with ${result}`);
    if (result === -EOWNERDEAD.errno && operationClass !== "once") wrong.push("was not replayed");
    if (result === -EIO.errno && request.deaths < 2) wrong.push("poison after one death");
    if (result < 0 && outcome === undefined && effects > 0) wrong.push("done, outcome unsaid");
    return wrong;
  }
}
