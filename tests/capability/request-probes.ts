/**
 * Probes on the data path: one raw request each, honest or forged in some field. The oracle says
 * beforehand whether it may succeed; result, data, and what reached a handler must agree with it.
 */

import { encodeBody } from "../../ipc/codec.js";
import { EACCES, EBADF, ECANCELED, EMFILE } from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX } from "../../ipc/limits.js";
import {
  OP_CALL,
  OP_CANCEL,
  OP_CLOSE,
  OP_DUP,
  OP_FEVENT,
  OP_FSIZE,
  OP_FSTAT,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_LINK,
  OP_OPEN,
  OP_READ,
  OP_READLINK,
  OP_REATTACH,
  OP_RENAME,
  OP_RESUME,
  OP_SYMLINK,
  OP_UNLINK,
  OP_WRITE,
} from "../../ipc/opcode.js";
import { SQE_NONBLOCK, SQE_REPLAY } from "../../ipc/sqe.js";
import { turn } from "../kernel/gate-stand.js";
import type { Actor, Ask } from "./actor.js";
import type { Ground } from "./ground.js";
import type { Grip } from "./oracle.js";

const ON_HANDLE = [
  ...[OP_READ, OP_READ, OP_WRITE, OP_WRITE, OP_FSIZE, OP_FTRUNCATE, OP_FSYNC, OP_FSTAT],
  ...[OP_GETDENTS, OP_CALL, OP_FEVENT, OP_LINK],
];
const ON_PATH = [OP_UNLINK, OP_RENAME, OP_SYMLINK, OP_READLINK];

/** Who asks whom. */
interface Ends {
  client: Actor;
  provider: number;
}

/** Does one probe. */
export function requestProbe(ground: Ground): void {
  const client = ground.client();
  const provider = ground.providerOf(client);
  if (provider < 0 || !ground.world.actors.has(provider)) return;
  const ends = { client, provider };
  const kind = ground.random.below(100);
  if (kind < 22) open(ground, ends);
  else if (kind < 58) onHandle(ground, ends);
  else if (kind < 70) onPath(ground, ends);
  else if (kind < 80) close(ground, ends);
  else if (kind < 84) dup(ground, ends);
  else if (kind < 96) crooked(ground, ends);
  else cancel(ground, ends);
}

function describe(ground: Ground, { client, provider }: Ends, ask: Ask): void {
  ground.what = () => `${client.pid} → ${provider} ${JSON.stringify(ask)}`;
}

/** Sends a request whose fate is known. Returns the result; NaN: it waits. */
function send(
  ground: Ground,
  ends: Ends,
  ask: Ask,
  expected: { allowed: boolean; visits: string[] },
): { result: number; bytes: Uint8Array } {
  const { client, provider } = ends;
  describe(ground, ends, ask);
  const vault = ground.vaultOf(provider);
  vault.take();
  const answer = client.request(provider, ask);
  const result = answer.results[0] ?? Number.NaN;
  if (answer.results.length > 1) ground.fail("answered twice");
  if (result >= 0 && !expected.allowed) ground.fail(`allowed: ${result}`);
  if (result < 0 && expected.allowed) ground.fail(`refused: ${result}`);
  if (Number.isNaN(result) && !expected.allowed) ground.fail("parked, not refused");
  const seen = vault.take().map(({ what, caller, path }) => `${what} ${caller} ${path}`);
  // What waits behind a conflicting transfer has not reached its handler yet.
  if (Number.isNaN(result) && seen.length === 0) return { result, bytes: answer.bytes };
  if (expected.allowed) ground.allowed++;
  const wanted = expected.allowed ? expected.visits : [];
  if (seen.join() !== wanted.join())
    ground.fail(`handlers saw ${seen.join()}, not ${wanted.join()}`);
  return { result, bytes: answer.bytes };
}

function open(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const { oracle } = ground;
  const index = ground.index(client, provider);
  const path = ground.path();
  const flags = ground.pick([1, 2, 3, 3, 65, 512, 36, 18, 13, ground.random.below(1024)]);
  const may = oracle.open(client.pid, { provider, index, path, flags });
  const full = oracle.grips(client.pid, provider).length >= HANDLES_PER_CHANNEL_MAX;
  const opcode = ground.chance(90) ? OP_OPEN : OP_REATTACH;
  const ask = { opcode, body: path, room: 512, capability: index, arg1: flags };
  const visits = [`open ${client.pid} ${path}`];
  if (full && may !== undefined) {
    describe(ground, ends, ask);
    const result = client.result(provider, ask);
    if (result !== -EMFILE.errno) ground.fail(`one more than the table holds: ${result}`);
    return;
  }
  const { result } = send(ground, ends, ask, { allowed: may !== undefined, visits });
  if (may === undefined) return;
  const { pid } = client;
  const wrong = oracle.give({ client: pid, opener: pid, provider, number: result, path, ...may });
  if (wrong !== undefined) ground.fail(wrong);
}

function onHandle(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const { oracle } = ground;
  const number = ground.handle(oracle.grips(client.pid, provider));
  const grip = oracle.grip(client.pid, provider, number);
  const opcode = ground.pick(ON_HANDLE);
  const to = opcode === OP_LINK ? ground.path() : undefined;
  const allowed = oracle.onHandle(grip, opcode, to);
  const ask = bodyFor(ground, opcode, to);
  ask.handle = number;
  const answer = send(ground, ends, ask, { allowed, visits: visitsOf(opcode, client, grip, to) });
  // A number that was never given or is closed is no handle; one that was revoked is refused.
  if (grip === undefined && answer.result !== -EBADF.errno) ground.fail(`${answer.result}`);
  if (grip?.permit.live === false && answer.result !== -EACCES.errno) {
    ground.fail(`revoked, and answered ${answer.result}`);
  }
  if (!allowed || grip === undefined) return;
  if (Number.isNaN(answer.result)) note(ground, ends, grip);
  else if (opcode === OP_READ) checkData(ground, answer, grip.path);
}

function bodyFor(ground: Ground, opcode: number, to: string | undefined): Ask {
  switch (opcode) {
    case OP_READ:
      return { opcode, room: 64, offset: ground.random.below(3) * 16 };
    case OP_WRITE:
      return { opcode, body: "data", offset: ground.random.below(3) * 16 };
    case OP_LINK:
      return { opcode, body: to ?? "" };
    case OP_CALL:
      return { opcode, body: encodeBody("call"), room: 512 };
    default:
      return { opcode, room: 512, arg0: 0, arg1: 1 };
  }
}

/** What the vault notes of an operation. */
function visitsOf(opcode: number, { pid }: Actor, grip: Grip | undefined, to?: string): string[] {
  const path = grip?.path ?? "";
  const names: Record<number, string> = {
    [OP_READ]: "read",
    [OP_WRITE]: "write",
    [OP_CALL]: "call",
    [OP_FTRUNCATE]: "ftruncate",
    [OP_FSYNC]: "fsync",
    [OP_GETDENTS]: "getdents",
  };
  if (opcode === OP_LINK) return [`link ${pid} ${path}`, `link to ${pid} ${to}`];
  const what = names[opcode];
  if (what === undefined) return [];
  // An object tells its opener where the operation names no caller: a copy's is the one before.
  const byOpener = opcode === OP_FTRUNCATE || opcode === OP_FSYNC || opcode === OP_GETDENTS;
  return [`${what} ${byOpener ? (grip?.opener ?? pid) : pid} ${path}`];
}

function checkData(ground: Ground, answer: { bytes: Uint8Array }, path: string): void {
  const text = Buffer.from(answer.bytes).toString();
  if (text !== path.slice(0, 64)) ground.fail(`data of ${text}, not ${path}`);
}

/** Remembers the request just sent as one that waits. */
function note(ground: Ground, { client, provider }: Ends, grip: Grip, mayFail = false): void {
  const { answer } = client;
  if (answer !== undefined) ground.waiting.push({ client, provider, answer, grip, mayFail });
}

function onPath(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const index = ground.index(client, provider);
  const opcode = ground.pick(ON_PATH);
  const path = ground.path();
  const to = opcode === OP_RENAME ? ground.path() : undefined;
  const second = opcode === OP_SYMLINK ? "/b/elsewhere" : to;
  const allowed = ground.oracle.onPath(client.pid, opcode, { provider, index, path, to });
  const body = encodeBody(second === undefined ? [path] : [path, second]);
  const name = { [OP_UNLINK]: "unlink", [OP_RENAME]: "rename", [OP_SYMLINK]: "symlink" }[opcode];
  const visits = [`${name ?? "readlink"} ${client.pid} ${path}`];
  if (to !== undefined) visits.push(`rename to ${client.pid} ${to}`);
  send(ground, ends, { opcode, body, room: 1024, capability: index }, { allowed, visits });
}

/** Closing always succeeds, and closes nothing but the client's own. */
function close(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const number = ground.handle(ground.oracle.grips(client.pid, provider));
  send(ground, ends, { opcode: OP_CLOSE, handle: number }, { allowed: true, visits: [] });
  ground.oracle.close(client.pid, provider, number);
  ground.remember(ground.oldHandles, number);
}

function dup(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const { oracle } = ground;
  const number = ground.handle(oracle.grips(client.pid, provider));
  if (number === 0) return;
  const grip = oracle.grip(client.pid, provider, number);
  const full = oracle.grips(client.pid, provider).length >= HANDLES_PER_CHANNEL_MAX;
  const allowed = oracle.onHandle(grip, OP_DUP) && !full;
  const visits = [`dup ${client.pid} ${grip?.path}`];
  const ask = { opcode: OP_DUP, handle: number, body: "copy", room: 512 };
  if (full) return;
  const { result } = send(ground, ends, ask, { allowed, visits });
  if (!allowed || grip === undefined) return;
  const wrong = oracle.give({ ...grip, number: result, opener: client.pid });
  if (wrong !== undefined) ground.fail(wrong);
}

/** A request with a field that no gate would write: it may fail as it likes, but not succeed. */
function crooked(ground: Ground, ends: Ends): void {
  const { client, provider } = ends;
  const { oracle, random } = ground;
  const number = ground.handle(oracle.grips(client.pid, provider));
  const index = ground.index(client, provider);
  const wild = [-1, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 23, Number.NaN, -0.5, 2 ** 53, 127 * 1024];
  const opcode = ground.chance(60) ? ground.pick(ON_HANDLE) : random.below(64);
  const ask: Ask = { ...bodyFor(ground, opcode, "/a"), handle: number, capability: index };
  const fields = ["arenaOffset", "arenaLength", "offset", "arg0", "arg1", "arg2"] as const;
  ask[ground.pick(fields)] = ground.pick(wild);
  if (ground.chance(50)) ask.flags = ground.pick([SQE_REPLAY, SQE_NONBLOCK, 8, 255 & ~4]);
  if (isMessage(opcode) || opcode === OP_CLOSE || opcode === OP_DUP) return;
  describe(ground, ends, ask);
  ground.vaultOf(provider).take();
  const answer = client.request(provider, ask);
  const result = answer.results[0] ?? Number.NaN;
  const grip = oracle.grip(client.pid, provider, number);
  const path = decoder(ask.body);
  const may =
    oracle.onHandle(grip, opcode, opcode === OP_LINK ? path : undefined) ||
    oracle.open(client.pid, { provider, index, path, flags: ask.arg1 ?? 0 }) !== undefined;
  if (result >= 0 && !may) ground.fail(`allowed: ${result}`);
  if (!may && ground.vaultOf(provider).take().length > 0) ground.fail("reached a handler");
  if (!Number.isNaN(result)) {
    if (result > 0 && (opcode === OP_OPEN || opcode === OP_REATTACH)) {
      client.request(provider, { opcode: OP_CLOSE, handle: result });
    }
  } else if (may && grip !== undefined) note(ground, ends, grip, true);
  else ground.fail("never answered");
}

function isMessage(opcode: number): boolean {
  return opcode === OP_CANCEL || opcode === OP_RESUME;
}

function decoder(body: Uint8Array | string | undefined): string {
  return typeof body === "string" ? body : Buffer.from(body ?? []).toString();
}

/** Takes back a request that waits: of one's own it works, of another's it does nothing. */
function cancel(ground: Ground, { client, provider }: Ends): void {
  collect(ground);
  const mine = ground.waiting.filter((one) => one.client === client && one.provider === provider);
  const target = ground.waiting.length > 0 ? ground.pick(ground.waiting) : undefined;
  const tag = target?.answer.tag ?? ground.random.below(2 ** 16);
  ground.what = `${client.pid} → ${provider} cancels ${tag}`;
  client.channels.get(provider)?.tell({ opcode: OP_CANCEL, arg1: tag });
  ground.world.actors.get(provider)?.provider?.dispatch();
  for (const one of ground.waiting) one.client.channels.get(one.provider)?.channel.poll();
  for (const one of ground.waiting) {
    const ended = one.answer.results.length > 0;
    // Tags count from the same number on each channel: only the channel says whose it is.
    const meant = mine.includes(one) && one.answer.tag === tag;
    if (ended && !meant) ground.fail(`ended the request of ${one.client.pid}`);
    if (meant && one.answer.results[0] !== -ECANCELED.errno) ground.fail("was not canceled");
  }
  ground.waiting = ground.waiting.filter(({ answer }) => answer.results.length === 0);
}

/** Requests under a capability that is gone have ended, without data; the others still wait. */
export function checkWaiting(ground: Ground): void {
  for (const { provider, client } of ground.waiting) {
    ground.world.actors.get(provider)?.work();
    client.channels.get(provider)?.channel.poll();
  }
  for (const { answer, grip } of ground.waiting) {
    const [result] = answer.results;
    const { permit } = grip;
    if (!permit.live && result !== -EACCES.errno) ground.fail(`revoked, and answered ${result}`);
    if (!permit.live && answer.bytes.length > 0) ground.fail("data after the revocation");
  }
  ground.waiting = ground.waiting.filter(({ grip }) => grip.permit.live);
  collect(ground);
}

/** Takes out what has been answered: it was held behind another, which has ended. */
export function collect(ground: Ground): void {
  for (const { client, provider } of ground.waiting) {
    client.channels.get(provider)?.channel.poll();
  }
  for (const { answer, grip, mayFail } of ground.waiting) {
    const [result = 0] = answer.results;
    // Held behind another, it finds its handle closed by its own client.
    const open = ground.oracle.grip(grip.client, grip.provider, grip.number) === grip;
    if ((result === -EBADF.errno && !open) || mayFail) continue;
    if (result < 0) ground.fail(`refused after all: ${result}`);
  }
  ground.waiting = ground.waiting.filter(({ answer }) => answer.results.length === 0);
}

/** Lets everything that waits be answered: it is all allowed. */
export async function releaseWaiting(ground: Ground): Promise<void> {
  ground.what = "release";
  // A request that was held behind another parks when its turn comes.
  for (let round = 0; round < 64 && ground.waiting.length > 0; round++) {
    for (const vault of ground.vaults.values()) vault.release();
    await turn();
    collect(ground);
  }
  if (ground.waiting.length > 0) ground.fail(`${ground.waiting.length} requests never end`);
}
