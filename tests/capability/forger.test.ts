/** A hostile program in a worker of its own: it forges what its gate would never send. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

const FORGER = new URL("./programs/forger.js", import.meta.url);

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
  await os.mkdir("ram:/own");
  for (const [url, text] of [
    ["ram:/own/file", "mine"],
    ["ram:/secret", "secret"],
  ] as const) {
    await using file = await os.open(url, { mode: "write" });
    await file.write(text);
  }
});
afterAll(async () => {
  await os.close();
});

async function forge(count: number, root: string): Promise<number> {
  const seed = Date.now() % 2 ** 31;
  console.log(`forger: seed ${seed}`);
  const namespace = [
    { url: root, rights: "all" },
    { url: "null:/", rights: "read write" },
  ];
  const args = [String(count), String(seed)];
  return (await os.run(FORGER, { args, stdio: "null:/", namespace })).status;
}

it("forger: 2000 forged requests and system calls reach nothing; the secret is whole", async () => {
  // Others' handles are there to be guessed.
  const files = await Promise.all(Array.from({ length: 8 }, () => os.open("ram:/secret")));
  expect(await forge(1000, "ram:/own")).toBe(0);
  for (const file of files) expect((await file.readAll()).toString()).toBe("secret");
  for (const file of files) await file.close();
  await os.expectNoLeaks();
}, 60_000);

it("forger: canary, with a name that covers the secret it is reached at once", async () => {
  expect(await forge(100, "ram:/")).toBe(1);
});
