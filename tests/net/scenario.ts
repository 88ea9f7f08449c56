/**
 * Runs a scenario: a text in the manner of packetdrill that says, with times in milliseconds, which
 * segments come in, what the user does, and which segments must go out, all of them and in that
 * order. Sequence numbers count from each side's initial one.
 *
 *     set NAME VALUE              a setting, before the first event
 *     0 connect                   or: listen [BACKLOG]
 *     0 > S 0:0 <mss 1460>        must go out at that time; what is not written is not compared
 *     10 < S. 0:0 ack 1 win 1000  comes in; the flags are S F R P and a dot for ACK
 *     10 state established        also: error CODE, readable N, write N, read N, close, abort,
 *                                 shutdown read|write|both, accept, cwnd N, rto N, icmp …, quiet
 */

import { seededRandom } from "../../ipc/clock.js";
import { ECONNREFUSED, errnoOf } from "../../ipc/errno.js";
import type { Connection } from "../../schemes/net/tcp/connection.js";
import { SequenceSecret } from "../../schemes/net/tcp/initial-sequence.js";
import type { Listener } from "../../schemes/net/tcp/listener.js";
import type { TcpOptions } from "../../schemes/net/tcp/options.js";
import { type Segment, sequenceLength } from "../../schemes/net/tcp/segment.js";
import { advance, distance } from "../../schemes/net/tcp/sequence.js";
import { TCP_DEFAULTS, type TcpSettings } from "../../schemes/net/tcp/settings.js";
import { Tcp } from "../../schemes/net/tcp/tcp.js";

const LOCAL = { address: 0x0a00020f, port: 8080 };
const REMOTE = { address: 0x0a000202, port: 5000 };
const FLAG_LETTERS: readonly [string, number][] = [
  ["S", 2],
  ["F", 1],
  ["R", 4],
  ["P", 8],
  [".", 16],
];
/** Where the stream of test bytes repeats; no power of two. */
const PATTERN = 251;

interface Sent {
  segment: Segment;
  atMs: number;
}

/** Byte `index` of either stream. */
function byteAt(index: number): number {
  return (index * 7 + 3) % PATTERN;
}

function stream(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => byteAt(from + i));
}

/** One run of a scenario. */
class Scenario {
  readonly #settings: TcpSettings = { ...TCP_DEFAULTS };
  #mtu = 1500;
  #connectionsMax = 16;
  #peerInitial = 1_000_000;
  #nowMs = 0;
  readonly #sent: Sent[] = [];
  #tcp: Tcp | undefined;
  #connection: Connection | undefined;
  #listener: Listener | undefined;
  #ends = { local: LOCAL, remote: REMOTE };
  #initial: number | undefined;
  #written = 0;
  #read = 0;
  #time: { ours: number; theirs: number } | undefined;

  run(text: string): void {
    for (const [index, line] of text.split("\n").entries()) {
      const words = line.replace(/#.*/, "").trim();
      if (words === "") continue;
      try {
        this.#line(words);
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        throw new Error(`line ${index + 1}: ${line.trim()}\n  ${what}`, { cause: error });
      }
    }
    this.#nothingLeft();
  }

  #line(words: string): void {
    const setting = /^set (\S+) (\S+)$/.exec(words);
    if (setting !== null) {
      this.#set(setting[1] as string, setting[2] as string);
      return;
    }
    const event = /^(\d+) (\S+) ?(.*)$/.exec(words);
    if (event === null) throw new Error("not a line of a scenario");
    const [, at, verb, rest] = event as unknown as [string, string, string, string];
    if (verb === ">") {
      this.#expect(Number(at), rest);
      return;
    }
    this.#advance(Number(at));
    this.#nothingLeft();
    if (verb === "<") this.#arrive(rest);
    else this.#user(verb, rest);
  }

  #set(name: string, value: string): void {
    const number = Number(value);
    if (name === "mtu") this.#mtu = number;
    else if (name === "connectionsMax") this.#connectionsMax = number;
    else if (name === "peerInitial") this.#peerInitial = number;
    else if (name in this.#settings) {
      const settings = this.#settings as unknown as Record<string, unknown>;
      settings[name] = value === "on" ? true : value === "off" ? false : Number(value);
      if (Number.isNaN(settings[name])) settings[name] = value;
    } else throw new Error(`no setting ${name}`);
  }

  get #engine(): Tcp {
    this.#tcp ??= new Tcp({
      settings: this.#settings,
      secret: new SequenceSecret(new Uint8Array(16)),
      random: seededRandom(1),
      connectionsMax: this.#connectionsMax,
      mtu: () => this.#mtu,
      send: (segment) => this.#sent.push({ segment, atMs: this.#nowMs }),
    });
    return this.#tcp;
  }

  #advance(atMs: number): void {
    if (atMs < this.#nowMs) throw new Error(`time goes back from ${this.#nowMs}`);
    for (;;) {
      const due = this.#engine.deadlineMs;
      if (due > atMs) break;
      this.#nowMs = Math.max(this.#nowMs, due);
      this.#engine.tick(this.#nowMs);
      if (this.#sent.length > 0) return;
    }
    this.#nowMs = atMs;
  }

  #nothingLeft(): void {
    const [first] = this.#sent;
    if (first !== undefined) throw new Error(`sent, and not expected: ${this.#show(first)}`);
  }

  #user(verb: string, rest: string): void {
    const count = Number(rest);
    switch (verb) {
      case "connect":
        this.#connection = this.#engine.connect(this.#ends, this.#nowMs);
        return;
      case "listen":
        this.#listener = this.#engine.listen(LOCAL, rest === "" ? 8 : count);
        return;
      case "accept":
        this.#connection = this.#listener?.accepted.shift();
        if (this.#connection === undefined) throw new Error("nothing to accept");
        return;
      case "write":
        this.#write(count);
        return;
      case "read":
        this.#readExactly(count);
        return;
      case "close":
        this.#open.close(this.#nowMs);
        return;
      case "abort":
        this.#open.abort(this.#nowMs);
        return;
      case "shutdown":
        this.#open.shutdown(rest as "read" | "write" | "both", this.#nowMs);
        return;
      case "icmp":
        this.#icmp(rest);
        return;
      case "from":
        // Another peer from here on.
        this.#ends = { local: LOCAL, remote: { address: REMOTE.address, port: count } };
        this.#initial = undefined;
        return;
      default:
        this.#check(verb, rest);
    }
  }

  #check(verb: string, rest: string): void {
    const is = (actual: unknown): void => {
      if (String(actual) !== rest) throw new Error(`it is ${String(actual)}`);
    };
    const { tcb } = verb === "quiet" || verb === "connections" ? { tcb: undefined } : this.#open;
    if (verb === "quiet") return;
    if (verb === "connections") is(this.#engine.connectionCount);
    else if (verb === "state") is(tcb?.state);
    else if (verb === "error") is(tcb?.error?.code ?? "none");
    else if (verb === "readable") is(tcb?.readable);
    else if (verb === "ended") is(this.#open.ended);
    else if (verb === "cwnd") is(Math.floor((tcb?.congestion.cwnd ?? 0) / (tcb?.mss ?? 1)));
    else if (verb === "ssthresh") is(Math.floor((tcb?.congestion.ssthresh ?? 0) / (tcb?.mss ?? 1)));
    else if (verb === "rto") is(Math.round(tcb?.rtt.rtoMs ?? 0));
    else throw new Error(`no such event: ${verb}`);
  }

  get #open(): Connection {
    if (this.#connection === undefined) throw new Error("there is no connection");
    return this.#connection;
  }

  #write(count: number): void {
    let taken: number;
    try {
      taken = this.#open.send(stream(this.#written, count), this.#nowMs);
    } catch (error) {
      throw new Error(String(errnoOf(error)?.code), { cause: error });
    }
    if (taken !== count) throw new Error(`only ${taken} were taken`);
    this.#written += count;
  }

  #readExactly(count: number): void {
    const into = new Uint8Array(count + 1);
    const got = this.#open.receive(into.subarray(0, count), this.#nowMs);
    if (got !== count) throw new Error(`${got} bytes came`);
    for (let i = 0; i < got; i++) {
      if (into[i] !== byteAt(this.#read + i)) throw new Error(`byte ${this.#read + i} is wrong`);
    }
    this.#read += got;
  }

  /** `toolong SEQ MTU` or `unreachable SEQ`. */
  #icmp(rest: string): void {
    const [what, sequence, mtu] = rest.split(" ");
    const absolute = advance(this.#initial ?? 0, Number(sequence));
    if (what === "toolong") this.#open.tooLong(absolute, Number(mtu), this.#nowMs);
    else this.#open.undelivered(absolute, ECONNREFUSED);
  }

  #arrive(rest: string): void {
    const { flags, from, to, ack, win, options } = parse(rest);
    const syn = (flags & 2) !== 0;
    const size = to - from;
    const time = options.timestamp;
    this.#engine.arrive(
      {
        sourcePort: this.#ends.remote.port,
        destinationPort: LOCAL.port,
        sequence: advance(this.#peerInitial, from),
        acknowledgment: ack === undefined ? 0 : advance(this.#initial ?? 0, ack),
        flags,
        window: win ?? 65535,
        options: {
          ...options,
          ...(options.sack === undefined ? {} : { sack: this.#absolute(options.sack) }),
          ...(time === undefined
            ? {}
            : { timestamp: { value: time.value, echo: this.#ourTime(time.echo) } }),
        },
        payload: stream(syn ? from : from - 1, size),
      },
      this.#ends,
      this.#nowMs,
    );
  }

  #absolute(blocks: readonly { start: number; end: number }[]) {
    const from = this.#initial ?? 0;
    return blocks.map(({ start, end }) => ({
      start: advance(from, start),
      end: advance(from, end),
    }));
  }

  #ourTime(echo: number): number {
    return echo === 0 ? 0 : advance(this.#time?.ours ?? 0, echo);
  }

  #expect(atMs: number, rest: string): void {
    if (this.#sent.length === 0) this.#advance(atMs);
    const sent = this.#sent.shift();
    if (sent === undefined) throw new Error("nothing was sent");
    const { segment } = sent;
    if ((segment.flags & 2) !== 0) {
      this.#initial = segment.sequence;
      const time = segment.options.timestamp;
      this.#time ??= { ours: (time?.value ?? 0) - this.#nowMs, theirs: 0 };
    }
    const actual = this.#show(sent);
    const expected = parse(rest);
    const got = parse(actual.replace(/^\d+ > /, ""));
    const wrong =
      Math.round(sent.atMs) !== atMs ||
      (expected.flags & ~8) !== (got.flags & ~8) ||
      expected.from !== got.from ||
      expected.to !== got.to ||
      (expected.ack !== undefined && expected.ack !== got.ack) ||
      (expected.win !== undefined && expected.win !== got.win) ||
      (expected.given && expected.optionText !== got.optionText);
    if (wrong) throw new Error(`sent instead: ${actual}`);
    this.#checkPayload(segment);
  }

  #checkPayload({ payload, sequence }: Segment): void {
    const from = distance(this.#initial ?? 0, sequence) - 1;
    for (const [i, byte] of payload.entries()) {
      if (byte !== byteAt(from + i)) throw new Error(`byte ${from + i} that was sent is wrong`);
    }
  }

  #show({ segment, atMs }: Sent): string {
    const letters = FLAG_LETTERS.filter(([, bit]) => (segment.flags & bit) !== 0);
    const flags = letters.map(([letter]) => letter).join("");
    const initial = this.#initial ?? segment.sequence;
    const bare = (segment.flags & 4) !== 0 && (segment.flags & 16) !== 0 && segment.sequence === 0;
    const from = bare ? 0 : distance(initial, segment.sequence);
    const length = sequenceLength({ ...segment, flags: 0 });
    const acks = (segment.flags & 16) !== 0;
    const ack = acks ? ` ack ${distance(this.#peerInitial, segment.acknowledgment)}` : "";
    const options = this.#showOptions(segment.options);
    return (
      `${Math.round(atMs)} > ${flags} ${from}:${from + length}${ack} win ${segment.window}` +
      ` <${options}>`
    );
  }

  #showOptions(options: TcpOptions): string {
    const sack = options.sack?.map(
      ({ start, end }) =>
        `${distance(this.#peerInitial, start)}-${distance(this.#peerInitial, end)}`,
    );
    const time = options.timestamp;
    const words = [
      options.mss === undefined ? "" : `mss ${options.mss}`,
      options.sackPermitted ? "sackOK" : "",
      time === undefined ? "" : `ts ${(time.value - (this.#time?.ours ?? 0)) >>> 0}/${time.echo}`,
      options.windowScale === undefined ? "" : `wscale ${options.windowScale}`,
      sack === undefined ? "" : `sack ${sack.join(" ")}`,
    ];
    return words.filter((word) => word !== "").join(", ");
  }
}

/** Reads the part of a line that describes a segment. */
function parse(text: string) {
  const match = /^([SFRP.]+) (-?\d+):(-?\d+)(?: ack (-?\d+))?(?: win (\d+))?(?: <([^>]*)>)?$/.exec(
    text,
  );
  if (match === null) throw new Error(`not a segment: ${text}`);
  const [, letters = "", from, to, ack, win, options] = match;
  let flags = 0;
  for (const [letter, bit] of FLAG_LETTERS) if (letters.includes(letter)) flags |= bit;
  return {
    flags,
    from: Number(from),
    to: Number(to),
    ack: ack === undefined ? undefined : Number(ack),
    win: win === undefined ? undefined : Number(win),
    options: parseOptionText(options ?? ""),
    optionText: options,
    given: options !== undefined,
  };
}

function parseOptionText(text: string): TcpOptions {
  const options: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
  for (const part of text.split(", ").filter((word) => word !== "")) {
    const [name, ...values] = part.split(" ");
    if (name === "mss") options.mss = Number(values[0]);
    else if (name === "sackOK") options.sackPermitted = true;
    else if (name === "wscale") options.windowScale = Number(values[0]);
    else if (name === "ts") {
      const [value, echo] = (values[0] ?? "").split("/").map(Number);
      options.timestamp = { value: value ?? 0, echo: echo ?? 0 };
    } else if (name === "sack") {
      options.sack = values.map((range) => {
        const [start, end] = range.split("-").map(Number);
        return { start: start ?? 0, end: end ?? 0 };
      });
    } else throw new Error(`no such option: ${part}`);
  }
  return options;
}

/** Runs the text; throws with the line that did not come true. */
export function runScenario(text: string): void {
  new Scenario().run(text);
}
