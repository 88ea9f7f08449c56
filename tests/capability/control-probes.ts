/**
 * Probes on the control path: system calls with honest and forged numbers, deaths, handles in
 * transit. Whatever the kernel makes must be derived from what its caller holds; whatever it ends
 * must be the caller's to end.
 */

import type { SyscallName } from "../../ipc/abi.js";
import { SLOTS_MAX, slotOf } from "../../ipc/capability-index.js";
import { KERNEL_PID, type Mail } from "../../ipc/mail.js";
import { OP_CLOSE, OP_DUP } from "../../ipc/opcode.js";
import { RIGHT_GRANT } from "../../ipc/rights.js";
import type { Actor } from "./actor.js";
import { DAEMONS, type Ground } from "./ground.js";
import type { Permit } from "./oracle.js";
import { checkWaiting, collect } from "./request-probes.js";

/** Programs that live at once, those below others included. */
const PROGRAMS_MAX = 8;

/** Does one probe. */
export async function controlProbe(ground: Ground): Promise<void> {
  const kind = ground.random.below(100);
  if (kind < 36) narrow(ground);
  else if (kind < 52) grant(ground);
  else if (kind < 80) revoke(ground);
  else if (kind < 90) forge(ground);
  else if (kind < 95) await spawn(ground);
  else if (kind < 97) await end(ground);
  else if (kind < 98) await restart(ground);
  else await connect(ground);
  collect(ground);
}

function url(ground: Ground): string {
  return `${ground.pick([...DAEMONS, ...DAEMONS, "nowhere"])}:${ground.path()}`;
}

function ask(ground: Ground, by: Actor, name: SyscallName, body: unknown) {
  ground.what = `${by.pid}: ${name} ${JSON.stringify(body)}`;
  return by.ask(name, body);
}

function narrow(ground: Ground): void {
  const by = ground.client();
  // Only the host has sys: at all: whoever got it could end others, and rightly so.
  const name = ground.chance(10) ? `sys:${ground.path()}` : url(ground);
  const body = { url: name, rights: ground.rights() };
  const { result, value } = ask(ground, by, "narrow", body);
  const made = ground.learn(by);
  if (made.length !== (result >= 0 ? 1 : 0)) ground.fail(`made ${made.length} capabilities`);
  const [permit] = made;
  if (permit === undefined) return;
  if (permit.holder !== by.pid) ground.fail("made it for another");
  const { id, entry } = value as { id: number; entry: { capability: number } };
  if (id !== permit.id || entry.capability !== permit.index) ground.fail("answered another");
}

/** Process that is to receive something; now and then one that must not, or that is none. */
function receiver(ground: Ground, by: Actor): string | number {
  const programs = ground.programs.map(({ pid }) => pid);
  return ground.pick([...programs, ...programs, ...DAEMONS, by.pid, "host", KERNEL_PID, 4711]);
}

function grant(ground: Ground): void {
  const by = ground.client();
  const to = receiver(ground, by);
  const { result } = ask(ground, by, "grant", { to, url: url(ground), rights: ground.rights() });
  const made = ground.learn(by);
  if (made.length !== (result >= 0 ? 1 : 0)) ground.fail(`made ${made.length} capabilities`);
  const [permit] = made;
  if (permit === undefined) return;
  if (((permit.parent?.rights ?? 0) & RIGHT_GRANT) === 0) ground.fail("given without the right to");
  const { processes } = ground.world.kernel;
  const holder = processes.get(permit.holder);
  const provider = processes.get(permit.provider);
  if (holder === undefined || processes.find(to) !== holder) ground.fail("given to another");
  if ((provider?.facts.order ?? 0) >= holder.facts.order) ground.fail("given up the order");
}

function revoke(ground: Ground): void {
  const { oracle } = ground;
  const by = ground.client();
  const all = [...oracle.permits.values()].filter(({ provider }) => provider !== KERNEL_PID);
  // Roots stay: without them nobody can do anything any more.
  const below = all.filter(({ parent }) => parent?.parent !== undefined);
  const target = below.length > 0 && ground.chance(90) ? ground.pick(below).id : 10 ** 6;
  // What has ended before counts as it was then.
  collect(ground);
  const may = oracle.mayRevoke(by.pid, target, ground.world.host.pid);
  const { result } = ask(ground, by, "revoke", { id: target });
  if (result >= 0 !== may) ground.fail(`${may ? "refused" : "allowed"}: ${result}`);
  if (!may) return;
  const live = new Set(oracle.permits.values());
  oracle.revoke(target);
  const gone = [...live].filter(({ live: stands }) => !stands);
  for (const { index } of gone) ground.remember(ground.oldIndices, index);
  if (ground.sabotage) undo(ground, gone);
  checkWaiting(ground);
}

/** The canary: what was revoked stands again, and the providers never hear of it. */
function undo(ground: Ground, gone: readonly Permit[]): void {
  for (const { provider, index, rights } of gone) {
    const cells = new Int32Array(ground.world.capabilities.cells(provider));
    const generation = (index - slotOf(index)) / SLOTS_MAX;
    Atomics.store(cells, slotOf(index), generation * 256 + rights);
    const actor = ground.world.actors.get(provider);
    if (actor === undefined) continue;
    const kept = actor.mailbox.filter((mail: Mail) => mail.kind !== "revoked");
    actor.mailbox.splice(0, actor.mailbox.length, ...kept);
  }
}

/** System calls that nobody of these may make. */
function forge(ground: Ground): void {
  const by = ground.pick([...ground.programs, ground.world.actor("mid")]);
  const kind = ground.random.below(7);
  const drain = ground.random.below(200) + 1;
  const [name, body]: [SyscallName, unknown] = (
    [
      ["kill", { target: ground.pick([...DAEMONS, "host", "kernel", ground.world.host.pid]) }],
      ["processes", {}],
      ["capabilities", {}],
      ["load", { manifest: {}, base: "file:///" }],
      ["drained", { drain }],
      ["connect", { provider: ground.pick([1, 2, by.pid, 4711, -1, "low"]) }],
      ["revoke", { id: ground.pick([-1, 0.5, "1", null]) }],
    ] as [SyscallName, unknown][]
  )[kind] as [SyscallName, unknown];
  const before = ground.world.kernel.processes.all().map(({ incarnation }) => incarnation);
  const { result } = ask(ground, by, name, body);
  const after = ground.world.kernel.processes.all().map(({ incarnation }) => incarnation);
  if (before.join() !== after.join()) ground.fail("somebody died or was born of it");
  if (ground.learn(by).length > 0) ground.fail("it made a capability");
  if (name !== "drained" && result >= 0) ground.fail(`allowed: ${result}`);
}

/** A reference to a handle as a system call takes it, honest or with a forged part. */
function reference(ground: Ground, by: Actor): Record<string, unknown> {
  const provider = Math.max(0, ground.providerOf(by));
  const grips = ground.oracle.grips(by.pid, provider);
  const grip = grips.length > 0 && ground.chance(80) ? ground.pick(grips) : undefined;
  const handle = grip?.number ?? Math.abs(ground.handle(grips));
  const own = ground.permitOf(by, provider)?.index ?? 1;
  const capability = grip !== undefined && ground.chance(75) ? grip.permit.index : own;
  const path = grip !== undefined && ground.chance(75) ? grip.path : ground.plainPath();
  const rest = { url: "low:/a", flags: 3, positioned: true, position: 0 };
  return { provider, handle, capability, path, ...rest };
}

/** A program starts another, with handles of its own, or that it claims are its own. */
async function spawn(ground: Ground): Promise<void> {
  if (ground.programs.length >= PROGRAMS_MAX) return await end(ground);
  if (ground.programs.length < 2 || ground.chance(25)) {
    ground.what = "new program";
    return await ground.newProgram();
  }
  const { world, oracle } = ground;
  const by = ground.pick(ground.programs);
  const first = reference(ground, by);
  const stdio = [first, ground.chance(30) ? first : reference(ground, by), reference(ground, by)];
  const names = [{ url: url(ground), rights: ground.rights() }];
  const body = {
    program: "program",
    args: [],
    cwd: "file:/",
    stdio: stdio.slice(0, ground.random.below(4)),
    ...(ground.chance(50) ? {} : { namespace: names }),
  };
  const { result, value } = ask(ground, by, "spawn", body);
  const made = ground.learn(by);
  if (!(result >= 0)) {
    // What it had made until then is taken back.
    if (made.length > 0) ground.fail("a refused spawn left capabilities behind");
    return;
  }
  const { pid } = value as { pid: number };
  if (made.some(({ holder }) => holder !== pid)) ground.fail("made for another than the child");
  await world.settle();
  const child = world.actor(pid);
  ground.programs.push(child);
  for (const [i, inherited] of child.stdio.entries()) {
    if (inherited.kind !== "session") continue;
    const permit = oracle.held(pid, inherited.provider, inherited.capability);
    const claimed = body.stdio[i] as { handle: number; provider: number };
    const source = oracle.grip(by.pid, claimed.provider, claimed.handle);
    if (permit === undefined) ground.fail("inherited under no capability");
    if (source !== undefined && source.permit === permit.parent) oracle.pass(source, permit);
  }
  takePassed(ground, child);
}

/** The child, or somebody in its place, asks for what was passed on; twice gives nothing. */
function takePassed(ground: Ground, child: Actor): void {
  for (const inherited of child.stdio) {
    if (inherited.kind !== "session") continue;
    const { provider, capability } = inherited;
    const thief = ground.pick(ground.programs);
    for (const taker of [thief, child, child]) {
      if (!taker.channels.has(provider)) continue;
      const passed = ground.oracle.takePassed(taker.pid, provider, capability);
      ground.what = `${taker.pid} takes what was passed to ${child.pid}`;
      const asked = { opcode: OP_DUP, capability, room: 512 };
      const number = taker.result(provider, asked);
      if (number >= 0 !== (passed !== undefined)) ground.fail(`answered ${number}`);
      if (passed === undefined) continue;
      const wrong = ground.oracle.give({ ...passed, number });
      if (wrong !== undefined) ground.fail(wrong);
    }
  }
}

/** A program dies, with all below it, whatever it was doing. */
async function end(ground: Ground): Promise<void> {
  if (ground.programs.length < 2) return;
  const victim = ground.pick(ground.programs);
  ground.what = `${victim.pid} dies`;
  await ground.world.kill(victim.pid);
  const { processes } = ground.world.kernel;
  const gone = ground.programs.filter(({ pid }) => processes.get(pid) === undefined);
  ground.programs = ground.programs.filter((program) => !gone.includes(program));
  ground.waiting = ground.waiting.filter(({ client }) => !gone.includes(client));
  for (const { pid } of gone) ground.oracle.died(pid);
  ground.compare();
}

/** A daemon dies and comes back: capabilities stay, handles and narrowed ones of its own do not. */
async function restart(ground: Ground): Promise<void> {
  const name = ground.pick(DAEMONS);
  const pid = ground.pidOf(name);
  const actor = ground.world.actor(pid);
  ground.what = `${name} dies`;
  await ground.world.kill(pid);
  await ground.connectAll();
  ground.oracle.restarted(pid);
  ground.waiting = ground.waiting.filter(
    ({ client, provider }) => provider !== pid && client !== actor,
  );
  const named = new Set(
    ground.world
      .actor(pid)
      .namespace.map(({ provider, capability }) => `${provider}/${capability}`),
  );
  ground.oracle.drop(
    ({ holder, provider, index, parent }) =>
      holder === pid && parent !== undefined && !named.has(`${provider}/${index}`),
  );
  ground.compare();
  for (const client of ground.programs) await reconnect(ground, client);
}

async function reconnect(ground: Ground, client: Actor): Promise<void> {
  for (const provider of new Set(client.namespace.map(({ provider }) => provider))) {
    if (provider !== KERNEL_PID && !client.channels.has(provider)) await client.connect(provider);
  }
}

/** A channel is taken apart and made anew: the handles on it are gone. */
async function connect(ground: Ground): Promise<void> {
  const client = ground.pick(ground.programs.length > 0 ? ground.programs : [ground.world.host]);
  const provider = ground.providerOf(client);
  ground.what = `${client.pid} leaves ${provider} and comes back`;
  if (provider < 0) return await reconnect(ground, client);
  client.syscall("disconnect", { provider });
  await ground.world.settle();
  client.channels.delete(provider);
  ground.oracle.parted(client.pid, provider);
  ground.waiting = ground.waiting.filter(
    (one) => one.client !== client || one.provider !== provider,
  );
  await reconnect(ground, client);
}

/** Everybody closes what is open: then nothing is open anywhere. */
export async function closeAll(ground: Ground): Promise<void> {
  ground.what = "close all";
  const { world, oracle } = ground;
  for (const program of [...ground.programs]) {
    if (world.kernel.processes.get(program.pid) !== undefined) await world.kill(program.pid);
    oracle.died(program.pid);
  }
  ground.programs = [];
  for (const client of world.actors.values()) {
    for (const provider of client.channels.keys()) {
      for (const { number } of oracle.grips(client.pid, provider)) {
        client.request(provider, { opcode: OP_CLOSE, handle: number });
        oracle.close(client.pid, provider, number);
      }
    }
  }
  await world.settle();
}
