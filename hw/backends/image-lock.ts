/*
 * One machine at a time writes to a disk image. Node has no file locks: on Linux an abstract socket
 * named after the file's device and inode stands for the lock and vanishes with its owner, however
 * that ends; elsewhere a lock file beside the image holds the owner's process ID and start time, so
 * that one left behind by a dead process is recognised. (Abstract sockets belong to a network
 * namespace: containers that share a file but not the network do not see each other's locks.)
 *
 * A lock has two parts: the machine's belongs to the process that writes, the host's to the one
 * that boots the machine, and boots it again when it has died. So nobody slips in during a reboot,
 * and nobody writes while the machine of a host that is gone still ends.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";

/** Which file it is, under whatever path. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
}

/** Whose part of the lock: the process that writes, or the one that boots it. */
export type LockPart = "machine" | "host";

/** A lock that is held. */
export interface ImageLock {
  release(): Promise<void>;
}

/** Who holds a lock: process ID, if it is known. */
export type Owner = { pid: number | undefined };

const ANSWER_MS_MAX = 500;

/** Takes one part of the lock of an image, or says who has it. */
export function lockImage(
  path: string,
  file: FileIdentity,
  part: LockPart,
): Promise<ImageLock | Owner> {
  return process.platform === "linux"
    ? lockBySocket(socketName(file, part))
    : lockByFile(fileName(path, part));
}

/** Who holds either part of the lock of an image; `undefined` if nobody does. */
export async function lockOwner(path: string, file: FileIdentity): Promise<Owner | undefined> {
  const ask = async (part: LockPart): Promise<Owner | undefined> =>
    process.platform === "linux"
      ? await askOwner(socketName(file, part))
      : fileOwner(fileName(path, part));
  return (await ask("host")) ?? (await ask("machine"));
}

function socketName(file: FileIdentity, part: LockPart): string {
  return `\0anode-image-${part}-${file.dev}-${file.ino}`;
}

function fileName(path: string, part: LockPart): string {
  return part === "machine" ? `${path}.lock` : `${path}.${part}.lock`;
}

async function lockBySocket(name: string): Promise<ImageLock | Owner> {
  return (await listen(name)) ?? (await askOwner(name)) ?? { pid: undefined };
}

/** Claims a name by listening on it; `undefined` if it is taken. Tells who asks who has it. */
function listen(name: string): Promise<ImageLock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy()); // Whoever asked is gone: nothing to tell.
      socket.end(String(process.pid));
    });
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      resolve({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}

/** Asks the owner of a lock socket for its process ID. It may be too busy to answer. */
function askOwner(name: string): Promise<Owner | undefined> {
  return new Promise((resolve) => {
    let answer = "";
    let connected = false;
    const socket = connect(name);
    const finish = (): void => {
      socket.destroy();
      const pid = Number.parseInt(answer, 10);
      resolve(connected ? { pid: Number.isNaN(pid) ? undefined : pid } : undefined);
    };
    socket.setTimeout(ANSWER_MS_MAX, finish);
    socket.on("connect", () => {
      connected = true;
    });
    socket.on("data", (bytes) => {
      answer += String(bytes);
    });
    socket.on("error", finish);
    socket.on("end", finish);
  });
}

/** The lock as a file. Exported for the test: Linux does not use it. */
export async function lockByFile(
  path: string,
  startOf: (pid: number) => string = processStart,
): Promise<ImageLock | Owner> {
  const mine = `${process.pid}\n${startOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      return {
        async release() {
          unlinkSync(path);
        },
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = fileOwner(path, startOf);
    if (owner !== undefined) return owner;
    removeQuietly(path); // Left behind by a process that is gone.
  }
  return { pid: undefined };
}

/** Who holds a lock file; `undefined` if it is missing, or its process is gone. */
function fileOwner(path: string, startOf = processStart): Owner | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined; // Released in the meantime.
  }
  const [pidText = "", start = ""] = text.split("\n");
  const pid = Number.parseInt(pidText, 10);
  if (Number.isNaN(pid)) return { pid: undefined }; // Being written: its owner is alive.
  return isAlive(pid) && startOf(pid) === start ? { pid } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process was started, as `ps` says it; empty where that can't be found out. */
function processStart(pid: number): string {
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text.trim();
  } catch {
    return ""; // No such program or process: the process ID alone must do.
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
