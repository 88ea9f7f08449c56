/** Anode machines under measurement: booted with the bench's daemons, asked for samples, halted. */

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boot } from "../cli/boot.js";
import type { Machine } from "../cli/machine.js";
import { CLIENT_DAEMON, type DaemonFolder, DIRECT_DAEMON, NULL_DAEMON } from "./daemons.js";
import type { Measurement } from "./measuring-scheme.js";
import type { Span } from "./sampling.js";

const RESULT = "ram:/bench-result";

/** Boots a machine with `benchnull:`, and with what else the case needs. */
export async function bootBench(
  options: { disk?: string; client?: boolean } = {},
): Promise<Machine> {
  const machine = await boot(options.disk === undefined ? {} : { disk: options.disk });
  await machine.load(NULL_DAEMON.folder);
  if (options.client === true) await machine.load(CLIENT_DAEMON.folder);
  return machine;
}

/** Boots a machine whose disk driver is called directly, in its own thread. */
export async function bootDirect(disk: string): Promise<Machine> {
  const machine = await boot({ disk, omit: ["virtio-blkd"] });
  await machine.load(DIRECT_DAEMON.folder);
  return machine;
}

/** Runs one of the bench's programs; its first argument is where the samples go. */
export async function runProgram(
  machine: Machine,
  program: URL,
  args: readonly (string | number)[],
): Promise<Float64Array> {
  const words = [RESULT, ...args.map(String)];
  const { status, reason } = await machine.run(program, { args: words, stdio: "null:/" });
  if (status !== 0) throw new Error(`${program.href} ended with ${status} ${reason ?? ""}`);
  return await readSamples(machine, RESULT);
}

/** Has a daemon of the bench measure. */
export async function askDaemon(
  machine: Machine,
  daemon: DaemonFolder,
  measurement: Measurement,
): Promise<Float64Array> {
  const file = await machine.open(`${daemon.provides}:/`, { mode: "read-write" });
  const { url, bytes, depth, warmMs, runMs } = measurement;
  await file.call({ url, bytes, depth, warmMs, runMs });
  const samples = doubles(await file.readAll());
  await file.close();
  return samples;
}

/** The times of a span, without what else the object holds. */
export function spanOf({ warmMs, runMs }: Span): Span {
  return { warmMs, runMs };
}

async function readSamples(machine: Machine, url: string): Promise<Float64Array> {
  const file = await machine.open(url);
  const samples = doubles(await file.readAll());
  await file.close();
  return samples;
}

function doubles(bytes: Uint8Array): Float64Array {
  return new Float64Array(new Uint8Array(bytes).buffer);
}

/** A disk image in a folder of its own. */
export class Image {
  readonly path: string;
  readonly #folder: string;

  /** @param bytes - size; every sector begins with its number */
  constructor(bytes: number) {
    this.#folder = mkdtempSync(join(tmpdir(), "anode-bench-"));
    this.path = join(this.#folder, "disk.img");
    const fd = openSync(this.path, "w");
    ftruncateSync(fd, bytes);
    const chunk = Buffer.alloc(2 ** 20);
    for (let at = 0; at < bytes; at += chunk.length) {
      for (let i = 0; i < chunk.length; i += 512) chunk.writeUInt32LE((at + i) / 512, i);
      writeSync(fd, chunk, 0, Math.min(chunk.length, bytes - at), at);
    }
    closeSync(fd);
  }

  /** Removes it. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
