/** Pipes on the running machine: named ones between two clients, end of file, and bounds. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
});
afterAll(async () => {
  await os.close();
});

it("a named pipe carries bytes in order and ends when its writer closes", async () => {
  const [reader, writer] = await Promise.all([
    os.open("pipe:/news", { mode: O_READ }),
    os.open("pipe:/news", { mode: O_WRITE }),
  ]);
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 0xff));
  const sending = writer.write(sent).then(() => writer.close());
  expect((await reader.readAll()).equals(sent)).toBe(true);
  await sending;
  await reader.close();
  await os.expectNoLeaks();
});

it("writing to a pipe that nobody reads any more is EPIPE", async () => {
  const [reader, writer] = await Promise.all([
    os.open("pipe:/gone", { mode: O_READ }),
    os.open("pipe:/gone", { mode: O_WRITE }),
  ]);
  await reader.close();
  await expect(
    (async () => {
      for (;;) await writer.write(Buffer.alloc(65_536));
    })(),
  ).rejects.toThrow(/EPIPE/);
  await writer.close();
});

it("programs talk through a named pipe, whichever comes first", async () => {
  const run = (program: string, args: string[]) =>
    os.run("sh", { args: ["-c", [program, ...args].join(" ")], stdio: "null:/" });
  await Promise.all([
    run("cat", ["pipe:/late > ram:/heard"]),
    run("sleep", ["0.05; echo hello > pipe:/late"]),
  ]);
  const file = await os.open("ram:/heard");
  expect((await file.readAll()).toString()).toBe("hello\n");
  await file.close();
});
