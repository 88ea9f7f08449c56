/** Runs a module, as confined workers do or as the engine does, and posts its default export. */

import { parentPort, workerData } from "node:worker_threads";
import { link } from "../../kernel/confined/linker.js";
import { lockDown, Realm } from "../../kernel/gate/confined/realm.js";

const { entry, own, confined } = workerData as { entry: string; own: string; confined: boolean };
parentPort?.postMessage(confined ? await inRealm() : await plainly());

async function inRealm(): Promise<unknown> {
  const modules = link(entry, { own, names: {}, replaced: {} });
  await lockDown();
  return await new Realm().load(modules);
}

async function plainly(): Promise<unknown> {
  return ((await import(entry)) as { default: unknown }).default;
}
