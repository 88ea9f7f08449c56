/**
 * One run: clients read and write registers through both daemons while these are killed at moments
 * drawn from the seed. Each client writes its own register with rising numbers and reads anybody's,
 * so that the history can be judged.
 */

import { SysError } from "../../ipc/sys-error.js";
import { formatTrace } from "../../ipc/trace-line.js";
import { bodyOf } from "../../user/answer.js";
import { asyncSystem } from "../../user/async-file.js";
import type { File } from "../../user/file.js";
import { judge, type Operation } from "./history.js";
import { type SimMachine, simMachine } from "./sim-machine.js";
import type { SimCode } from "./sim-slots.js";
import { keyValueDaemon, relayDaemon, Storage, sumDaemon, sumIn } from "./stores.js";
import { World } from "./world.js";

const CLIENTS = 3;
const OPERATIONS = 12;
const CELL_BYTES = 4;
const SUMS_AT_ONCE = 3;
/** Who dies together. */
const VICTIMS = [["kv"], ["relay"], ["sum"], ["kv", "relay"], ["sum", "kv"]];
/** A run that takes longer hangs, in milliseconds of virtual time. */
const RUN_MS_MAX = 10_000;

/** How a run goes. */
export interface Weather {
  kills: number;
  /** Canary: a daemon's end is told before it has come. */
  exitsEarly?: boolean;
}

/** What came of a run. */
export interface Outcome {
  wrong: string[];
  /** Everything that happened, for comparing runs. */
  trace: string[];
  replayed: number;
}

/** Runs one seed. */
export async function runScenario(seed: number, weather: Weather): Promise<Outcome> {
  const world = new World(seed);
  const storage = new Storage();
  const history: Operation[] = [];
  const trace: string[] = [];
  const wrong: string[] = [];
  const programs: Record<string, SimCode> = {};
  for (let me = 0; me < CLIENTS; me++) {
    programs[`client${me}`] = client(world, { me, history, wrong });
  }
  const machine = await simMachine(world, {
    daemons: [keyValueDaemon(world, storage), relayDaemon(), sumDaemon(world)],
    programs,
    exitsEarly: weather.exitsEarly ?? false,
  });
  let replayed = 0;
  machine.kernel.recorder.listen((event) => {
    trace.push(formatTrace(event));
    if (event.event === "resume") replayed += Number(event.detail?.["replayed"]);
  });
  const clients = startClients(machine);
  void killAtRandom(world, machine, weather.kills);
  let ended = 0;
  for (const end of clients) void end.then(() => ended++);
  const finished = await world.run(() => ended === CLIENTS, RUN_MS_MAX);
  if (!finished) wrong.push(`${CLIENTS - ended} clients hang`);
  for (const one of history) trace.push(JSON.stringify(one));
  const sum = sumIn(machine.kernel.processes.find("sum")?.store);
  return { wrong: [...wrong, ...judge(history, storage, sum)], trace, replayed };
}

/** Spawns the clients from the host; each promise settles when one has ended. */
function startClients({ host }: SimMachine): Promise<unknown>[] {
  return Array.from({ length: CLIENTS }, async (_, me) => {
    const body = { program: `client${me}`, args: [], cwd: "kv:/", stdio: [] };
    const spawn = host.syscall("spawn", body);
    await host.settle(spawn);
    const { pid } = bodyOf(spawn) as { pid: number };
    await host.settle(host.syscall("wait", { pid }));
  });
}

/** Kills one of the daemons, or both, at moments of the seed. */
async function killAtRandom(world: World, machine: SimMachine, kills: number): Promise<void> {
  const { kernel, kernelThread } = machine;
  for (let kill = 0; kill < kills; kill++) {
    await world.delay(kernelThread, 30);
    const names = VICTIMS[world.random.below(VICTIMS.length)] as string[];
    for (const name of names) {
      const victim = kernel.processes.find(name);
      if (victim === undefined) continue;
      kernel.lifecycle.die(victim, { ordered: true, clean: false, cause: "killed" });
    }
  }
}

/** A client: writes its own register, reads anybody's, and makes calls. */
function client(
  world: World,
  facts: { me: number; history: Operation[]; wrong: string[] },
): SimCode {
  const { me, history, wrong } = facts;
  return async (gate, thread) => {
    const system = asyncSystem(gate);
    let written = 0;
    const attempt = async (operation: Operation, act: () => Promise<number>): Promise<void> => {
      operation.from = world.steps;
      history.push(operation);
      try {
        operation.value = await act();
        operation.ended = "ok";
      } catch (thrown) {
        if (!(thrown instanceof SysError)) throw thrown;
        operation.ended = thrown.code;
        if (operation.kind !== "call" || thrown.outcome !== "unknown") {
          wrong.push(`client ${me}: ${operation.kind} ended with ${thrown.message}`);
        }
      }
      operation.to = world.steps;
    };
    const files: File[] = [];
    const sum = await system.open("sum:/", { mode: "read-write" });
    for (const url of ["kv:/cells", "relay:/cells"]) {
      files.push(await system.open(url, { mode: "read-write" }));
    }
    const operation = (kind: Operation["kind"], cell: number, value = 0): Operation => {
      return {
        kind,
        client: me,
        cell,
        value,
        from: 0,
        to: Number.POSITIVE_INFINITY,
        ended: "never",
      };
    };
    for (let n = 0; n < OPERATIONS; n++) {
      const file = files[world.random.below(2)] as File;
      const bytes = Buffer.alloc(CELL_BYTES);
      const dice = world.random.below(10);
      if (dice < 4) {
        bytes.writeUInt32LE(++written);
        await attempt(operation("write", me, written), async () => {
          await file.write(bytes, me * CELL_BYTES);
          return bytes.readUInt32LE();
        });
      } else if (dice < 8) {
        const cell = world.random.below(CLIENTS);
        await attempt(operation("read", cell), async () => {
          await file.read(bytes, cell * CELL_BYTES);
          return bytes.readUInt32LE();
        });
      } else if (dice === 8) {
        await Promise.all(
          Array.from({ length: SUMS_AT_ONCE }, () =>
            attempt(operation("add", me, 1), async () => (await sum.call(1)) as number),
          ),
        );
      } else {
        const number = 1000 * me + n;
        await attempt(operation("call", me, number), async () => {
          return (await (files[0] as File).call(number)) as number;
        });
      }
      await world.delay(thread, 5);
    }
    await Promise.all([sum, ...files].map((file) => file.close()));
    await gate.settle(gate.syscall("exit", { status: 0 }));
  };
}
