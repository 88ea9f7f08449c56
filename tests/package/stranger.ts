/**
 * The project of somebody who installs the package: its files, as text, so that nothing but the
 * installed package ever resolves or compiles them.
 */

/** Every face has the names that the documentation promises, and importing it has no effect. */
const FACES_JS = `
import assert from "node:assert/strict";
import { boot } from "anode-os";
import * as driver from "anode-os/driver";
import { ENOENT, serve } from "anode-os/scheme";
import { bootForTest } from "anode-os/testing";
import * as user from "anode-os/user";

for (const face of [boot, serve, bootForTest]) assert.equal(typeof face, "function");
assert.equal(ENOENT.code, "ENOENT");
for (const face of [driver, user]) assert.notEqual(Object.keys(face).length, 0);
console.log("faces: ok");
`;

/** The documentation's own programs, under the strictest settings that a user can have. */
const TYPES_TS = `
import { boot } from "anode-os";
import * as driver from "anode-os/driver";
import { ENOENT, serve } from "anode-os/scheme";
import { bootForTest } from "anode-os/testing";
import * as user from "anode-os/user";

export async function session(): Promise<string> {
  await using os = await boot({ disk: "disk.img", console: "none" });
  const file = await os.open("file:/etc/motd");
  await os.load(new URL("./weather/", import.meta.url));
  await os.kill("virtio-blkd");
  return (await file.readAll()).toString();
}

export async function crash(): Promise<number> {
  await using os = await bootForTest();
  const death = os.killAt("virtio-blkd", "dequeued", { nth: 3 });
  return (await death).recoveredMs;
}

export async function weather(): Promise<void> {
  await serve({
    open(path: string) {
      if (path !== "/today") throw ENOENT;
      return { text: "sunny" };
    },
    read(handle, bytes) {
      return new TextEncoder().encodeInto(handle.text, bytes).written;
    },
  });
}

export const faces = [driver, user];
`;

export const STRANGER: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ private: true, type: "module" }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2022",
      module: "nodenext",
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: ["types.ts"],
  }),
  "faces.js": FACES_JS,
  "types.ts": TYPES_TS,
};
