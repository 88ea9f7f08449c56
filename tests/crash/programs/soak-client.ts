/** A blocking client of the soak, as a program: works on its region until `ram:/stop` is there. */

import { errnoOf } from "../../../ipc/errno.js";
import type { System } from "../../../user/system.js";
import { BLOCK, RegionClient } from "../region-client.js";

/** Operations between two looks at `ram:/stop`. */
const BATCH = 20;

export default async function main(os: System): Promise<number> {
  const [first = 0, blocks = 0, owner = 0, seed = 0] = os.args.map(Number);
  const file = os.open("disk:/0", { mode: "read-write" });
  const client = new RegionClient(
    {
      blocks,
      read: (bytes, block) => file.read(bytes, (first + block) * BLOCK),
      write: (bytes, block) => file.write(bytes, (first + block) * BLOCK),
      sync: () => {
        file.sync();
      },
    },
    owner,
    seed,
  );
  try {
    await client.begin();
    while (!stopped(os)) for (let i = 0; i < BATCH; i++) await client.step();
  } catch (error) {
    os.open(`ram:/failure-${owner}`, { mode: "write" }).write(String(error));
    return 1;
  }
  const bytes = Buffer.from(client.versions.buffer);
  os.open(`ram:/versions-${owner}`, { mode: "write" }).write(bytes);
  os.open(`ram:/operations-${owner}`, { mode: "write" }).write(String(client.operations));
  return 0;
}

function stopped(os: System): boolean {
  try {
    os.stat("ram:/stop");
    return true;
  } catch (error) {
    if (errnoOf(error)?.code !== "ENOENT") throw error;
    return false;
  }
}
