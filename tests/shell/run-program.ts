/** Runs programs of `user/bin` on a fake machine, and tells what they wrote and how they ended. */

import { PROGRAMS, type ProgramName } from "../../user/programs.js";
import type { Program } from "../../user/system.js";
import { FakeMachine, FakeSystem, MemoryStream, statusOf, streamFile } from "./fake-system.js";

/** What a program did. */
export interface Ran {
  status: number;
  out: string;
  err: string;
}

/** Makes a machine that knows all programs. */
export async function newMachine(): Promise<FakeMachine> {
  const machine = new FakeMachine();
  for (const name of Object.keys(PROGRAMS)) {
    machine.programs.set(name, await loadProgram(name as ProgramName));
  }
  return machine;
}

/** Imports a program. */
export async function loadProgram(name: ProgramName): Promise<Program> {
  const module = (await import(`../../user/bin/${name}.js`)) as { default: Program };
  return module.default;
}

/** Runs `name` to its end. `terminal` makes standard error a device. */
export function runProgram(
  machine: FakeMachine,
  command: readonly [name: string, ...args: string[]],
  options: {
    input?: MemoryStream | string;
    terminal?: boolean;
    cwd?: string;
    errorFailures?: MemoryStream["writeFailures"];
  } = {},
): Ran {
  const [name, ...args] = command;
  const input =
    options.input instanceof MemoryStream
      ? options.input
      : new MemoryStream("pipe", options.input ?? "");
  const out = new MemoryStream();
  const err = new MemoryStream(options.terminal === true ? "device" : "pipe");
  err.writeFailures = options.errorFailures ?? [];
  const os = new FakeSystem(machine, {
    name,
    args,
    stdio: [streamFile(input), streamFile(out), streamFile(err)],
    cwd: options.cwd,
  });
  const program = machine.programs.get(name) as Program;
  return { status: statusOf(program(os)), out: out.text(), err: err.text() };
}

/** Runs a shell with `-c text`. */
export function runShell(machine: FakeMachine, text: string): Ran {
  return runProgram(machine, ["sh", "-c", text]);
}

/** Reads a file of the machine as text. */
export function textOf(machine: FakeMachine, url: string): string {
  using file = machine.direct.open(url);
  return file.readAll().toString();
}

/** Writes a file of the machine. */
export function writeText(machine: FakeMachine, url: string, text: string): void {
  using file = machine.direct.open(url, { mode: "write" });
  file.write(text);
}
