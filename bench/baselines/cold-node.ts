/** A process that starts one empty worker and says so: what any boot costs at least. */

import { Worker } from "node:worker_threads";

const worker = new Worker(new URL("./empty-worker.js", import.meta.url));
worker.once("online", () => process.stdout.write("online\n"));
