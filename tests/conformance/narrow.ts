/**
 * A machine seen with fewer rights: a daemon whose manifest names just those does the work. What
 * `open` returns can only be closed.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TestMachine } from "../../cli/testing.js";
import { errnoFromNumber } from "../../ipc/errno.js";
import { formatRights } from "../../ipc/rights.js";
import { SysError } from "../../ipc/sys-error.js";
import type { AsyncSystem } from "../../user/async-system.js";
import type { File } from "../../user/file.js";
import type { Attempt, Attempted } from "./attempt-daemon.js";

const DAEMON = new URL("./attempt-daemon.js", import.meta.url);
/** Numbers the daemons: each needs a name of its own. */
let count = 0;

/** Returns a system that reaches only `prefix` (`ram:/case-3`), and with these rights. */
export async function narrow(
  os: TestMachine,
  prefix: string,
  rights: number,
): Promise<AsyncSystem> {
  count += 1;
  const name = `attempt-${count}`;
  const folder = await mkdtemp(join(tmpdir(), "anode-narrow-"));
  try {
    const manifest = {
      name,
      version: "1.0.0",
      abi: "^1.0",
      entry: "./main.mjs",
      provides: [name],
      needs: { [prefix]: formatRights(rights) },
    };
    const main = `import { serveAttempts } from "${DAEMON.href}";\nawait serveAttempts();\n`;
    await writeFile(join(folder, "anode.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "main.mjs"), main);
    await os.load(pathToFileURL(`${folder}/`));
  } finally {
    await rm(folder, { recursive: true });
  }
  return attempting(await os.open(`${name}:/`, { mode: "read-write" }));
}

function attempting(daemon: File): AsyncSystem {
  const run = async (
    operation: Attempt["operation"],
    url: string,
    ...rest: unknown[]
  ): Promise<void> => {
    const args = [url, ...rest.filter((argument) => argument !== undefined)];
    const { errno } = (await daemon.call({ operation, args } satisfies Attempt)) as Attempted;
    if (errno !== undefined) throw new SysError(errnoFromNumber(errno), { operation, url });
  };
  return {
    async open(url, options) {
      await run("open", url, options);
      return { url, close: async () => {} } as File;
    },
    stat: () => Promise.reject(new TypeError("stat is not tried with fewer rights")),
    mkdir: (url) => run("mkdir", url),
    unlink: (url) => run("unlink", url),
    rmdir: (url) => run("rmdir", url),
    rename: (from, to, options) => run("rename", from, to, options),
    link: (existing, name) => run("link", existing, name),
    symlink: (url, target) => run("symlink", url, target),
    async readlink(url) {
      await run("readlink", url);
      return "";
    },
  };
}
