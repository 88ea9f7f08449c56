/**
 * A program that has `ram:/own` and tries to reach `ram:/secret` with forged names, numbers and
 * system calls, straight at the gate of its own worker. Arguments: how many attempts, and the seed.
 * Its status is 0 when none succeeded, 1 when one did, and 2 when even honest requests failed.
 */

import { currentGate, type Gate, type SyscallName } from "../../../ipc/abi.js";
import { type Random, seededRandom } from "../../../ipc/clock.js";
import { OP_FSTAT, OP_READ, OP_RENAME, OP_UNLINK, OP_WRITE } from "../../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../../ipc/open-flags.js";
import type { System } from "../../../user/system.js";

/** What the session of a file looks like from inside. */
interface Forgeable {
  handle: number;
}

const SECRET = "ram:/secret";

function view(random: Random) {
  const capability = random.below(4) === 0 ? random.below(2 ** 31) : random.below(80);
  return [{ scheme: "ram", root: "/", rights: 255, capability, provider: random.below(14) }];
}

/** One forged attempt. True: it succeeded, which it must not. */
function attempt(gate: Gate, random: Random): boolean {
  const within = view(random);
  const done = (call: Parameters<Gate["wait"]>[0]): boolean => gate.wait(call) >= 0;
  const syscall = (name: SyscallName, body: unknown) => done(gate.syscall(name, body));
  switch (random.below(7)) {
    case 0:
      return done(gate.open(SECRET, O_READ | O_WRITE, within));
    case 1:
      return done(gate.path(OP_UNLINK, SECRET, { within }));
    case 2:
      return done(gate.path(OP_RENAME, SECRET, { second: "/own/stolen", within }));
    case 3:
      return done(gate.open("ram:/own/../secret", O_READ));
    case 4:
      return syscall("narrow", { url: SECRET, rights: "all" });
    case 5:
      return syscall("kill", { target: random.below(10) });
    default:
      // The first ones are the kernel's; the last ones are its own, which it may revoke.
      return syscall("revoke", { id: random.below(20) });
  }
}

/** Asks with another's handle number. True: it gave what is not this program's. */
function foreignHandle(gate: Gate, random: Random): boolean {
  const opening = gate.open("ram:/own/file", O_READ | O_WRITE);
  if (gate.wait(opening) < 0) return false;
  const descriptor = gate.opened(opening);
  if (descriptor === undefined) return false;
  const session = descriptor as unknown as Forgeable;
  const honest = session.handle;
  session.handle = random.below(2) === 0 ? random.below(8192) : honest ^ (1 << random.below(20));
  const call = descriptor.call([OP_READ, OP_WRITE, OP_FSTAT][random.below(3)] ?? OP_READ);
  const bytes = Buffer.alloc(16);
  call.bytes = bytes;
  call.room = 512;
  call.offset = 0;
  const forged = session.handle !== honest;
  const got = gate.wait(call) >= 0;
  session.handle = honest;
  gate.close(descriptor);
  return forged && got;
}

export default function main(os: System): number {
  const gate = currentGate();
  const [count = 0, seed = 0] = os.args.map(Number);
  if (gate === undefined) return 2;
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    if (attempt(gate, random) || foreignHandle(gate, random)) return 1;
  }
  const file = os.open("ram:/own/file");
  return file.readAll().toString() === "mine" ? 0 : 2;
}
