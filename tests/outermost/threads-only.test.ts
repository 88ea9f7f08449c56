/** What a machine in a process of its own cannot have: ways through threads of this one. */

import { MessageChannel } from "node:worker_threads";
import { expect, it } from "vitest";
import { boot, NetworkHub } from "../../cli/index.js";

it("a machine in a child process is refused a port of this process, before it starts", async () => {
  const { port1 } = new MessageChannel();
  await expect(boot({ process: "child", consolePorts: [port1] })).rejects.toMatchObject({
    reason: "EINVAL",
    message: 'consolePorts needs a machine in this process, not process: "child"',
  });
  port1.close();
  const network = ["none", new NetworkHub()];
  await expect(boot({ process: "child", network })).rejects.toMatchObject({
    reason: "EINVAL",
    message: 'a NetworkHub needs a machine in this process, not process: "child"',
  });
});
