/**
 * The soak: kills of the disk driver at random moments under a mixed load by several clients, some
 * asynchronous in the host, some blocking programs. At the end every byte is compared, in the
 * machine and in the image.
 */

import { openSync, readSync } from "node:fs";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { seededRandom } from "../../ipc/clock.js";
import { BLOCK, RegionClient } from "./region-client.js";

/** How to soak. */
export interface SoakOptions {
  image: string;
  kills: number;
  seed: number;
  /** Clients in the host, and programs. */
  asyncClients: number;
  programs: number;
  blocksPerClient: number;
  progress?: (kills: number, operations: number) => void;
}

/** What came of it. */
export interface SoakResult {
  kills: number;
  operations: number;
  recoveredMs: number[];
  replayed: number;
  /** Resident memory after a tenth of the kills, and at the end. */
  rssEarly: number;
  rssEnd: number;
}

/** Bytes of image that the soak needs. */
export function soakBytes(options: Omit<SoakOptions, "image">): number {
  return (options.asyncClients + options.programs) * options.blocksPerClient * BLOCK;
}

/** Runs the soak. Rejects at the first wrong byte, hung request or failed client. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const os = await bootForTest({ disk: options.image, seed: options.seed });
  try {
    return await run(os, options);
  } finally {
    await os.close();
  }
}

async function run(os: TestMachine, options: SoakOptions): Promise<SoakResult> {
  const clients = await openClients(os, options);
  let over = false;
  const working = clients.map(async (client) => {
    await client.begin();
    while (!over) await client.step();
  });
  const programs = startPrograms(os, options);
  let failed: unknown;
  for (const work of [...working, programs]) {
    void work.catch((error: unknown) => {
      failed ??= error;
    });
  }
  const result: SoakResult = {
    kills: 0,
    operations: 0,
    recoveredMs: [],
    replayed: 0,
    rssEarly: 0,
    rssEnd: 0,
  };
  const random = seededRandom(options.seed);
  while (result.kills < options.kills && failed === undefined) {
    const death = await os.killAt("virtio-blkd", "random", { seed: random.below(2 ** 31) });
    result.kills++;
    result.recoveredMs.push(death.recoveredMs);
    result.replayed += death.replayed;
    if (result.kills === Math.ceil(options.kills / 10)) result.rssEarly = rss();
    options.progress?.(result.kills, operationsOf(clients));
  }
  result.rssEnd = rss();
  over = true;
  await (await os.open("ram:/stop", { mode: "write" })).close();
  await Promise.all(working);
  const exits = await programs;
  if (exits.some(({ status }) => status !== 0)) throw new Error(await failures(os, options));
  if (failed !== undefined) throw failed;
  result.operations = operationsOf(clients);
  for (let i = 0; i < options.programs; i++) {
    result.operations += Number(await text(os, `ram:/operations-${options.asyncClients + i}`));
  }
  await compare(os, clients, options);
  return result;
}

async function openClients(os: TestMachine, options: SoakOptions): Promise<RegionClient[]> {
  const clients: RegionClient[] = [];
  for (let owner = 0; owner < options.asyncClients; owner++) {
    const file = await os.open("disk:/0", { mode: "read-write" });
    const first = owner * options.blocksPerClient;
    const region = {
      blocks: options.blocksPerClient,
      read: (bytes: Buffer, block: number) => file.read(bytes, (first + block) * BLOCK),
      write: (bytes: Buffer, block: number) => file.write(bytes, (first + block) * BLOCK),
      sync: () => file.sync(),
    };
    clients.push(new RegionClient(region, owner, options.seed));
  }
  return clients;
}

function startPrograms(os: TestMachine, options: SoakOptions): Promise<{ status: number }[]> {
  const program = new URL("./programs/soak-client.js", import.meta.url);
  return Promise.all(
    Array.from({ length: options.programs }, (_, i) => {
      const owner = options.asyncClients + i;
      const first = owner * options.blocksPerClient;
      const numbers = [first, options.blocksPerClient, owner, options.seed];
      return os.run(program, { args: numbers.map(String), stdio: "null:/" });
    }),
  );
}

/** Compares every block, read through the machine and read from the image on the host. */
async function compare(
  os: TestMachine,
  clients: RegionClient[],
  options: SoakOptions,
): Promise<void> {
  const file = await os.open("disk:/0", { mode: "read-write" });
  await file.sync();
  const image = openSync(options.image, "r");
  const bytes = Buffer.alloc(options.blocksPerClient * BLOCK);
  const all = [...clients];
  for (let i = 0; i < options.programs; i++) {
    const owner = options.asyncClients + i;
    const none = { blocks: options.blocksPerClient, read: () => 0, write: () => 0, sync() {} };
    const client = new RegionClient(none, owner, options.seed);
    const versions = await readAll(os, `ram:/versions-${owner}`);
    Buffer.from(client.versions.buffer).set(versions);
    all.push(client);
  }
  for (const client of all) {
    const at = client.owner * bytes.length;
    for (let read = 0; read < bytes.length; ) {
      read += await file.read(bytes.subarray(read), at + read);
    }
    client.verify(bytes, 0);
    readSync(image, bytes, 0, bytes.length, at);
    client.verify(bytes, 0);
  }
}

async function failures(os: TestMachine, options: SoakOptions): Promise<string> {
  const said: string[] = [];
  for (let i = 0; i < options.programs; i++) {
    const url = `ram:/failure-${options.asyncClients + i}`;
    said.push(await text(os, url).catch(() => ""));
  }
  return `programs failed: ${said.join(" ")}`;
}

async function readAll(os: TestMachine, url: string): Promise<Buffer> {
  await using file = await os.open(url);
  return await file.readAll();
}

async function text(os: TestMachine, url: string): Promise<string> {
  return (await readAll(os, url)).toString();
}

function operationsOf(clients: readonly RegionClient[]): number {
  return clients.reduce((sum, { operations }) => sum + operations, 0);
}

function rss(): number {
  return process.memoryUsage.rss();
}
