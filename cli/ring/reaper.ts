/**
 * A thread that outlives the host by a few seconds and then takes the machine's process with it. It
 * is for the case that the host was killed and the process's main thread is stuck: otherwise an
 * orphan would keep the disk images locked for ever.
 */

import { Socket } from "node:net";
import { LIFE_FD } from "./spawn.js";

/** More than an orderly end may take, in milliseconds; less than others wait for the image. */
const REAP_MS = 3000;

const life = new Socket({ fd: LIFE_FD, readable: true, writable: false });
life.resume();
life.on("error", () => undefined); // Followed by "close".
life.on("close", () => {
  setTimeout(() => {
    process.kill(process.pid, "SIGKILL");
  }, REAP_MS);
});
