/** Counterparts of Zircon's tests of jobs and processes: a program and those below it. */

import { expect } from "vitest";
import { PROCESSES_PER_PROGRAM_MAX } from "../../ipc/limits.js";
import { O_READ } from "../../ipc/open-flags.js";
import type { Actor } from "./actor.js";
import type { Counterpart } from "./counterpart.js";
import { put, type Scene, say, take } from "./scene.js";

function exists(scene: Scene, actor: Actor): boolean {
  return scene.world.kernel.processes.get(actor.pid) !== undefined;
}

/** A program, and below it a chain of others. */
async function family(scene: Scene, depth: number): Promise<Actor[]> {
  const line = [await scene.user()];
  while (line.length < depth) {
    line.push(await scene.world.program({ by: line.at(-1) as Actor }));
  }
  return line;
}

const JOB: readonly Counterpart[] = [
  {
    of: "JobTest.BasicTest",
    claim: "a program starts a child and the child a grandchild",
    async run({ scene }) {
      const line = await family(scene, 3);
      expect(line.map((actor) => exists(scene, actor))).toEqual([true, true, true]);
      const parents = line.map(({ pid }) => scene.world.kernel.processes.get(pid)?.facts.parent);
      expect(parents).toEqual([scene.host.pid, line[0]?.pid, line[1]?.pid]);
    },
  },
  {
    of: "JobTest.CreateTest",
    claim: "children of one program are each other's equals: neither may end the other",
    async run({ scene }) {
      const parent = await scene.user();
      const [one, two] = [
        await scene.world.program({ by: parent }),
        await scene.world.program({ by: parent }),
      ];
      expect(say(one.ask("kill", { target: two.pid }).result)).toBe("EACCES");
      expect(say(one.ask("wait", { pid: two.pid }).result)).toBe("ECHILD");
      expect(exists(scene, two)).toBe(true);
    },
  },
  {
    of: "JobTest.CreateMissingRightsTest",
    claim: "ending others needs all of sys: with the right to write",
    async run({ scene }) {
      const victim = await scene.user();
      for (const name of [
        { url: "sys:/", rights: "read" },
        { url: "sys:/trace", rights: "all" },
        { url: "low:/", rights: "all" },
      ]) {
        const killer = await scene.world.program({ names: [name] });
        expect(say(killer.ask("kill", { target: victim.pid }).result)).toBe("EACCES");
        expect(say(killer.ask("kill", { target: "low" }).result)).toBe("EACCES");
      }
      const killer = await scene.world.program({ names: [{ url: "sys:/", rights: "write" }] });
      expect(say(killer.ask("kill", { target: victim.pid }).result)).toBe("ok");
      expect(say(killer.ask("kill", { target: "host" }).result)).toBe("EPERM");
    },
  },
  {
    of: "JobTest.KillTest",
    claim: "ending a program ends its child and grandchild, and takes everything back",
    async run({ scene }) {
      const before = [scene.world.capabilities.size, scene.world.kernel.processes.all().length];
      const line = await family(scene, 3);
      await scene.world.kill(line[0]?.pid ?? -1);
      expect(line.map((actor) => exists(scene, actor))).toEqual([false, false, false]);
      const { capabilities, kernel } = scene.world;
      expect([capabilities.size, kernel.processes.all().length]).toEqual(before);
    },
  },
  {
    of: "JobTest.KillJobNoChildTest",
    claim: "a program that has ended starts nothing more and is found no more",
    async run({ scene }) {
      const user = await scene.user();
      await scene.world.kill(user.pid);
      user.syscall("spawn", { program: "program", args: [], cwd: "file:/", stdio: [] });
      await scene.world.settle();
      expect(exists(scene, user)).toBe(false);
      expect(say(scene.host.ask("kill", { target: user.pid }).result)).toBe("ESRCH");
    },
  },
  {
    of: "JobTest.KillJobRemovesFromTree",
    claim: "a child that has ended is told to its parent once, and then forgotten",
    async run({ scene }) {
      const parent = await scene.user();
      const child = await scene.world.program({ by: parent });
      const stranger = await scene.user();
      await scene.world.kill(child.pid);
      expect(say(stranger.ask("wait", { pid: child.pid }).result)).toBe("ECHILD");
      const first = parent.ask("wait", { pid: child.pid });
      expect([say(first.result), first.value]).toEqual(["ok", { status: 137, reason: "killed" }]);
      expect(say(parent.ask("wait", { pid: child.pid }).result)).toBe("ECHILD");
    },
  },
  {
    of: "JobTest.KillJobChain",
    claim: "a chain of five is ended from the top, and in its middle from there on",
    async run({ scene }) {
      const line = await family(scene, 5);
      await scene.world.kill(line[2]?.pid ?? -1);
      expect(line.map((actor) => exists(scene, actor))).toEqual([true, true, false, false, false]);
      await scene.world.kill(line[0]?.pid ?? -1);
      expect(line.some((actor) => exists(scene, actor))).toBe(false);
    },
  },
  {
    of: "JobTest.WaitTest",
    claim: "a wait for a child ends with the child, not before",
    async run({ scene }) {
      const parent = await scene.user();
      const child = await scene.world.program({ by: parent });
      const waiting = parent.syscall("wait", { pid: child.pid });
      await scene.world.settle();
      expect(waiting?.results).toEqual([]);
      await scene.world.kill(child.pid);
      expect(waiting?.results.map((result) => say(result))).toEqual(["ok"]);
    },
  },
  {
    of: "JobTest.MaxHeightSmoke",
    claim: "one program and all below it are so many at most: then EAGAIN, to it alone",
    async run({ scene }) {
      const [bomb, neighbour] = [await scene.user(), await scene.user()];
      const body = { program: "program", args: [], cwd: "file:/", stdio: [], namespace: [] };
      const child = await scene.world.program({ by: bomb, names: [] });
      for (let i = 1; i < PROCESSES_PER_PROGRAM_MAX; i++) {
        const by = i % 2 === 0 ? bomb : child;
        expect([i, say(by.ask("spawn", body).result)]).toEqual([i, "ok"]);
        if (i % 16 === 0) await scene.world.settle();
      }
      expect(say(bomb.ask("spawn", body).result)).toBe("EAGAIN");
      expect(say(child.ask("spawn", body).result)).toBe("EAGAIN");
      expect(say(neighbour.ask("spawn", body).result)).toBe("ok");
      await scene.world.settle();
      await scene.world.kill(child.pid);
      expect(say(bomb.ask("spawn", body).result)).toBe("ok");
    },
  },
];

const PROCESS: readonly Counterpart[] = [
  {
    of: "ProcessTest.kill_process_via_process_close",
    claim: "a program's death closes its handles at the daemon",
    async run({ scene }) {
      const user = await scene.user();
      for (let i = 0; i < 10; i++) scene.open(user);
      expect(scene.vault.open).toBe(10);
      await scene.world.kill(user.pid);
      expect(scene.vault.open).toBe(0);
    },
  },
  {
    of: "ProcessTest.kill_process_via_thread_kill",
    claim: "a program's death ends what it waits for, and nobody else's wait",
    async run({ scene }) {
      const [user, other] = [await scene.user(), await scene.user()];
      const [mine, theirs] = [scene.park(user), scene.park(other)];
      await scene.world.kill(user.pid);
      expect([mine.results, theirs.results]).toEqual([[], []]);
      await scene.release();
      expect([mine.results, theirs.results]).toEqual([[], ["/a/slow".length]]);
    },
  },
  {
    of: "ProcessTest.kill_process_handle_cycle",
    claim: "two programs that hold capabilities of each other's making leave nothing behind",
    async run({ scene }) {
      const before = scene.world.capabilities.size;
      const [one, two] = [await scene.user(), await scene.user()];
      scene.grant(one, two, "low:/a", "all");
      scene.grant(two, one, "low:/a", "all");
      const there = scene.grant(one, two, "low:/a", "all");
      expect(say(scene.open(two, "/a", O_READ, there.index))).toBe("ok");
      await scene.world.kill(one.pid);
      // What was given away stays with who has it, below what the giver had it from.
      expect(say(scene.open(two, "/a", O_READ, there.index))).toBe("ok");
      await scene.world.kill(two.pid);
      expect(scene.world.capabilities.size).toBe(before);
    },
  },
  {
    of: "ProcessTest.kill_channel_handle_cycle",
    claim: "a program that holds both ends of a pipe takes them along",
    async run({ scene }) {
      const ends = scene.pipe(scene.host);
      const stdio = [{ object: ends.reader.id }, { object: ends.writer.id }];
      const child = await scene.world.program({ names: [], stdio });
      expect(scene.world.kernel.pipes.size).toBe(4);
      await scene.world.kill(child.pid);
      expect(scene.world.kernel.pipes.size).toBe(2);
      scene.hear(scene.host, [ends.reader, ends.writer]);
      put(ends.writer, "still here");
      expect(take(ends.reader)).toBe("still here");
    },
  },
];

/** All of them. */
export const ZIRCON_JOB: readonly Counterpart[] = [...JOB, ...PROCESS];
