/** Confined programs: the same programs, with nothing but their names. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

let os: TestMachine;

beforeAll(async () => {
  os = await bootForTest({ omit: ["virtio-blkd"] });
});

afterAll(async () => {
  await os.close();
});

/** Runs a program confined; resolves to its status and what it printed. */
async function run(program: string | URL, ...args: string[]): Promise<[number, string]> {
  await (await os.open("ram:/out", { mode: "write" })).close();
  const { status } = await os.run(program, { args, stdio: "ram:/out", isolation: "confined" });
  await using out = await os.open("ram:/out");
  return [status, (await out.readAll()).toString()];
}

describe("confined programs", () => {
  it("print, and exit with their status", async () => {
    expect(await run("echo", "hello", "wörld")).toEqual([0, "hello wörld\n"]);
    expect(await run("false")).toEqual([1, ""]);
  });

  it("an error is said as everywhere", async () => {
    const [status, text] = await run("cat", "ram:/nothing");
    expect(status).toBe(1);
    expect(text).toContain("no such file or directory");
  });

  it("the shell starts others, with pipes, and they are as confined as it is", async () => {
    expect(await run("sh", "-c", "echo one two | wc -w")).toEqual([0, "2\n"]);
    const sleeping = os.run("sh", {
      args: ["-c", "sleep 60"],
      stdio: "ram:/out",
      isolation: "confined",
    });
    const find = async () => (await os.processes()).find(({ name }) => name === "sleep");
    const endMs = performance.now() + 20_000;
    while ((await find()) === undefined && performance.now() < endMs);
    expect((await find())?.isolation).toBe("confined");
    await os.kill("sh");
    await sleeping;
  });

  it("one that needs a module of Node is refused with the reason", async () => {
    const refused = os.run("sha256sum", { args: ["ram:/out"], isolation: "confined" });
    await expect(refused).rejects.toMatchObject({ code: "ENOEXEC" });
  });

  it("an isolation that nobody knows is EINVAL", async () => {
    const isolation = "none" as "thread";
    await expect(os.run("true", { isolation })).rejects.toMatchObject({ code: "EINVAL" });
  });
});
