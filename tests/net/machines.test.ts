/** TCP between two machines: stack, driver, virtio device and hub, nothing of it a stand-in. */

import { expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { NetworkHub } from "../../hw/backends/network-hub.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";

const MODE = O_READ | O_WRITE;
const BYTES = 100_000;

/** A machine on the hub, with the network's daemon and an address. */
async function machineAt(network: NetworkHub, address: string): Promise<TestMachine> {
  const os = await bootForTest({ network });
  await os.load(new URL("../../schemes/netd/", import.meta.url));
  await using file = await os.open("netcfg:/ifaces/eth0/addr/set", { mode: O_WRITE });
  await file.write(`${address}/24\n`);
  return os;
}

it("two machines on a hub talk TCP, across a death of the driver", async () => {
  const hub = new NetworkHub();
  const [server, client] = await Promise.all([
    machineAt(hub, "10.7.0.1"),
    machineAt(hub, "10.7.0.2"),
  ]);
  try {
    await using _listener = await server.open("tcp:/:7", { mode: MODE });
    const accepting = server.open("tcp:/:7/listen", { mode: MODE });
    await using sender = await client.open("tcp:/10.7.0.1:7", { mode: MODE });
    await using receiver = await accepting;
    const bytes = Buffer.from(Uint8Array.from({ length: BYTES }, (_, i) => i * 31 + (i >> 8)));
    const death = client.killAt("virtio-netd", "dequeued", { nth: 5 });
    const sent = sender.write(bytes).then(() => sender.call({ shutdown: "write" }));
    expect((await receiver.readAll()).equals(bytes)).toBe(true);
    await Promise.all([sent, death]);
  } finally {
    await Promise.all([server.close(), client.close()]);
    hub.close();
  }
});
