/**
 * What the bodies of frames say, and the reading of those that come from the machine. The machine's
 * process runs code that may have gone wrong: what it says is checked before it is used. What the
 * host says is taken as it is, since whoever speaks for the host may do anything anyway.
 */

import type { NameView } from "../../ipc/abi.js";
import type { Outcome } from "../../ipc/sys-error.js";

/** An object's identity as its `open` told it. */
export interface Identity {
  object?: string;
  generation?: number;
}

/** `boot`: plain options of `boot()`, and the circumstances. */
export interface BootBody {
  options: Record<string, unknown>;
  /** Whether the console leads to the host. */
  console: boolean;
  count: number;
  reason: string;
}

/** `open`: the descriptor gets the call's number. */
export interface OpenBody {
  url: string;
  flags: number;
  within?: NameView;
}

/** `reattach`: opens again, without effects; `call` is the number that the descriptor had. */
export interface ReattachBody extends OpenBody {
  identity: Identity;
}

/** `operate`: one operation on a descriptor; the payload is what it sends. */
export interface OperateBody {
  descriptor: number;
  opcode: number;
  offset: number;
  arg0: number;
  arg1: number;
  arg2: number;
  /** Bytes that a read may bring, and room for an answer's body. */
  length: number;
  room: number;
  nonblocking: boolean;
}

/** `path`: an operation on names. */
export interface PathBody {
  opcode: number;
  url: string;
  second?: string;
  within?: NameView;
  arg1: number;
}

/** `watch`: readiness of `target` for the queue `queue`. */
export interface WatchBody {
  queue: number;
  target: number;
  id: number;
  mask: number;
}

/** `syscall`: the payload is the body. `stdio` replaces the references of a spawn. */
export interface SyscallBody {
  name: string;
  stdio?: readonly { descriptor: number; position: number }[];
}

/** `answer`: the payload is what was read, or the answer's body. */
export interface AnswerBody {
  result: number;
  outcome?: Outcome;
  incarnation?: { old: number; now: number };
  /** Of an open that succeeded. */
  opened?: { url: string; positioned: boolean; identity: Identity };
}

/** `beat`: the kernel's tick, and the number of its thread at the host. */
export interface BeatBody {
  tick: number;
  thread: number;
}

/** `failed`: why the machine cannot boot. */
export interface FailedBody {
  reason: string;
  message: string;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(body: unknown): Fields | undefined {
  return typeof body === "object" && body !== null ? (body as Fields) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

const OUTCOMES: readonly unknown[] = ["not-executed", "unknown", "poison"] satisfies Outcome[];

/** Reads an answer; undefined when it is none. */
export function readAnswer(body: unknown): AnswerBody | undefined {
  const fields = fieldsOf(body);
  const result = fields?.["result"];
  if (fields === undefined || !Number.isSafeInteger(result)) return undefined;
  const answer: AnswerBody = { result: result as number };
  const { outcome } = fields as { outcome?: unknown };
  if (OUTCOMES.includes(outcome)) answer.outcome = outcome as Outcome;
  const incarnation = fieldsOf(fields["incarnation"]) as { old?: unknown; now?: unknown };
  if (typeof incarnation?.old === "number" && typeof incarnation.now === "number") {
    answer.incarnation = { old: incarnation.old, now: incarnation.now };
  }
  const opened = fieldsOf(fields["opened"]);
  if (opened !== undefined && isText(opened["url"])) {
    const positioned = opened["positioned"] === true;
    answer.opened = { url: opened["url"], positioned, identity: readIdentity(opened["identity"]) };
  }
  return answer;
}

function readIdentity(value: unknown): Identity {
  const fields = fieldsOf(value);
  const { object, generation } = (fields ?? {}) as { object?: unknown; generation?: unknown };
  return {
    ...(isText(object) ? { object } : {}),
    ...(typeof generation === "number" ? { generation } : {}),
  };
}

/** Reads a beat; undefined when it is none. */
export function readBeat(body: unknown): BeatBody | undefined {
  const { tick, thread } = (fieldsOf(body) ?? {}) as { tick?: unknown; thread?: unknown };
  if (typeof tick !== "number" || typeof thread !== "number") return undefined;
  return { tick, thread };
}

/** Reads why the machine cannot boot. */
export function readFailed(body: unknown): FailedBody {
  const { reason, message } = (fieldsOf(body) ?? {}) as { reason?: unknown; message?: unknown };
  return {
    reason: isText(reason) ? reason : "EIO",
    message: isText(message) ? message : "the machine cannot boot and does not say why",
  };
}

/** True when two opens of one name led to one object. */
export function isSameObject(a: Identity, b: Identity): boolean {
  return a.object === b.object && a.generation === b.generation;
}
