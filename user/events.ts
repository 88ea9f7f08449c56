/** Readiness of many files in one place: the promise face of `event:`. */

import type { Descriptor, Gate } from "../ipc/abi.js";
import { EBADF } from "../ipc/errno.js";
import { OP_READ } from "../ipc/opcode.js";
import { O_READ, O_WRITE } from "../ipc/open-flags.js";
import { SysError } from "../ipc/sys-error.js";
import { bodyOf, checked } from "./answer.js";
import { descriptorOf } from "./async-file.js";
import type { File } from "./file.js";

/** What has happened to a watched file: EVENT_READ, EVENT_HANGUP … */
export interface FileEvent {
  file: File;
  events: number;
}

/** A queue of events. */
export interface Events extends AsyncDisposable {
  /** Watches a file for these events; error, hang-up and reset are always told. */
  watch(file: File, events: number): Promise<void>;
  unwatch(file: File): Promise<void>;
  /** Resolves to what has happened since the last call, as soon as anything has. */
  next(): Promise<FileEvent[]>;
  close(): Promise<void>;
}

/** Opens a queue. Rejects with ENODEV when `event:` is not in the namespace. */
export async function openEvents(gate: Gate): Promise<Events> {
  const opening = gate.open("event:/", O_READ | O_WRITE);
  await gate.settle(opening);
  checked(opening, "open", "event:/");
  const queue = gate.opened(opening) as Descriptor;
  const files = new Map<number, File>();
  let nextId = 1;
  const watch = async (file: File, mask: number): Promise<void> => {
    const target = descriptorOf(file);
    if (target === undefined) throw new SysError(EBADF, { operation: "watch", url: file.url });
    let id = [...files].find(([, known]) => known === file)?.[0];
    if (id === undefined) {
      id = nextId++;
      files.set(id, file);
    }
    if (mask === 0) files.delete(id);
    const call = gate.watch(queue, target, { id, mask });
    await gate.settle(call);
    if (mask !== 0) checked(call, "watch", file.url);
  };
  return {
    watch,
    unwatch: (file) => watch(file, 0),
    async next() {
      const call = queue.call(OP_READ);
      await gate.settle(call);
      checked(call, "read", "event:/");
      const told = bodyOf(call) as [number, number][];
      return told.flatMap(([id, events]) => {
        const file = files.get(id);
        return file === undefined ? [] : [{ file, events }];
      });
    },
    async close() {
      gate.close(queue);
    },
    async [Symbol.asyncDispose]() {
      gate.close(queue);
    },
  };
}
