/** `anode fs cp` and `anode fs ls`: files between the host and a RedoxFS in an image. */

import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  symlink,
  unlink,
  utimes,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { EEXIST, EINVAL, EISDIR, ENOENT, errnoOf } from "../ipc/errno.js";
import {
  O_CREATE,
  O_DIRECTORY,
  O_READ,
  O_STAT,
  O_SYMLINK,
  O_TRUNCATE,
  O_WRITE,
} from "../ipc/open-flags.js";
import { SysError } from "../ipc/sys-error.js";
import { type Attributes, FileSystem, type OpenFile } from "../schemes/fs/file-system.js";
import { mount } from "../schemes/fs/mount.js";
import { formatByteSize } from "../user/byte-size.js";
import { openImageDevice } from "./image-device.js";
import { diskNow, diskTime, progressLine, runTool } from "./tool.js";

const PIECE_BYTES = 1024 * 1024;
const LISTED = 256;

/** Options of `fs cp`. */
export interface FsCpOptions {
  recursive: boolean;
}

/** Options of `fs ls`. */
export interface FsLsOptions {
  long: boolean;
  json: boolean;
}

/** A place in an image: `disk.img:/etc/motd`. */
interface ImagePath {
  image: string;
  path: string;
}

/** Copies a file, or a folder with everything in it; returns the exit status. */
export async function fsCpCommand(
  source: string,
  target: string,
  options: FsCpOptions,
): Promise<number> {
  return await runTool(async () => {
    const from = imagePath(source);
    const to = imagePath(target);
    const place = from ?? to;
    if (place === undefined || (from !== undefined && to !== undefined)) {
      const hint = "one of the two must be in an image, like disk.img:/etc, the other on the host";
      throw new SysError(EINVAL, { operation: "cp", hint });
    }
    const copied = await withImage(place.image, from !== undefined, async (fs) => {
      const copy = new Copy(fs, options);
      if (from !== undefined) await copy.out(from.path, await inFolder(target, from.path));
      else await copy.in(source, await inDirectory(fs, place.path, basename(source)));
      copy.end();
      return copy;
    });
    process.stdout.write(`${copied.files} files, ${formatByteSize(copied.bytes)}\n`);
    return 0;
  });
}

/** Lists a directory of an image, or says what a file is; returns the exit status. */
export async function fsLsCommand(place: string, options: FsLsOptions): Promise<number> {
  return await runTool(async () => {
    const { image, path } = imagePath(place) ?? { image: place, path: "/" };
    await withImage(image, true, async (fs) => {
      const there = await attributesOf(fs, path);
      const names = there.kind === "directory" ? await namesIn(fs, path) : [""];
      for (const name of names.sort()) {
        const at = name === "" ? path : join(path, name);
        const shown = name === "" ? path : name;
        const attributes = await attributesOf(fs, at);
        process.stdout.write(`${lineFor(shown, attributes, options)}\n`);
      }
    });
    return 0;
  });
}

function lineFor(name: string, attributes: Attributes, { long, json }: FsLsOptions): string {
  if (json) return JSON.stringify({ name, ...attributes });
  const mark = { directory: "/", symlink: "@" }[attributes.kind as string] ?? "";
  if (!long) return `${name}${mark}`;
  const { mode, links, user, group, size, modified } = attributes;
  const when = new Date(modified.seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const numbers = `${String(links).padStart(3)} ${user}:${group} ${String(size).padStart(12)}`;
  return `${mode.toString(8).padStart(4, "0")} ${numbers} ${when} ${name}${mark}`;
}

/** Splits `disk.img:/etc/motd`; undefined for a path on the host. */
function imagePath(text: string): ImagePath | undefined {
  const at = text.indexOf(":/");
  return at <= 0 ? undefined : { image: text.slice(0, at), path: text.slice(at + 1) };
}

async function withImage<T>(
  image: string,
  readOnly: boolean,
  act: (fs: FileSystem) => Promise<T>,
): Promise<T> {
  const device = await openImageDevice(image, { readOnly });
  try {
    const { volume, skipped } = await mount(device, { readOnly });
    for (const { generation } of skipped) {
      const text = `generation ${generation} is damaged, an older one is used; run anode fsck`;
      process.stderr.write(`anode: ${image}: ${text}\n`);
    }
    const result = await act(new FileSystem(volume, diskNow));
    await volume.unmount();
    return result;
  } finally {
    await device.close();
  }
}

/** Like cp(1): into a directory that is there, else under the very name. */
async function inDirectory(fs: FileSystem, path: string, name: string): Promise<string> {
  const there = await attributesOf(fs, path).catch(nothing);
  return there?.kind === "directory" ? join(path, name) : path;
}

async function inFolder(target: string, path: string): Promise<string> {
  const there = await lstat(target).catch(() => undefined);
  return there?.isDirectory() === true && path !== "/" ? join(target, basename(path)) : target;
}

function nothing(error: unknown): undefined {
  if (errnoOf(error) !== ENOENT) throw error;
  return undefined;
}

async function attributesOf(fs: FileSystem, path: string): Promise<Attributes> {
  return await withOpen(fs, path, O_STAT | O_SYMLINK, async (file) => fs.attributes(file));
}

async function namesIn(fs: FileSystem, path: string): Promise<string[]> {
  return await withOpen(fs, path, O_READ | O_DIRECTORY, async (file) => {
    const names: string[] = [];
    for (let cursor = 0; ; ) {
      const listed = await fs.list(file, cursor, LISTED);
      if (listed.length === 0) return names;
      cursor = listed.at(-1)?.cursor ?? 0;
      names.push(...listed.map(({ name }) => name));
    }
  });
}

/** Opens, acts, closes; an error tells the path. */
async function withOpen<T>(
  fs: FileSystem,
  path: string,
  flags: number,
  act: (file: OpenFile) => Promise<T>,
): Promise<T> {
  let file: OpenFile | undefined;
  try {
    file = await fs.open(path, { flags });
    return await act(file);
  } catch (error) {
    throw named(error, path);
  } finally {
    if (file !== undefined) await fs.close(file);
  }
}

function named(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || (error instanceof SysError && error.url !== undefined)) return error;
  const hint = error instanceof SysError ? error.hint : undefined;
  return new SysError(errno, { operation: "copy", url: path, hint });
}

/** One run of `fs cp`. */
class Copy {
  files = 0;
  bytes = 0;
  readonly #fs: FileSystem;
  readonly #recursive: boolean;
  readonly #progress = progressLine();

  constructor(fs: FileSystem, { recursive }: FsCpOptions) {
    this.#fs = fs;
    this.#recursive = recursive;
  }

  end(): void {
    this.#progress.end();
  }

  /** From the host into the image. */
  async in(source: string, target: string): Promise<void> {
    const stat = await lstat(source);
    this.#show(source);
    if (stat.isSymbolicLink()) {
      await this.#fs.unlink(target, "file").catch(nothing);
      await this.#fs.symlink(target, await readlink(source));
      this.files += 1;
    } else if (stat.isDirectory()) {
      this.#requireRecursive(source);
      await this.#makeDirectory(target);
      for (const name of await readdir(source))
        await this.in(join(source, name), join(target, name));
    } else if (stat.isFile()) await this.#fileIn(source, target);
    else process.stderr.write(`anode: ${source}: neither file, directory nor link: left out\n`);
    if (stat.isFile() || stat.isDirectory()) {
      const { uid: user, gid: group } = stat;
      const times = { modified: diskTime(stat.mtimeMs), accessed: diskTime(stat.atimeMs) };
      await withOpen(this.#fs, target, O_STAT, (file) =>
        this.#fs.setAttributes(file, { mode: stat.mode & 0o7777, user, group, ...times }),
      );
    }
  }

  async #fileIn(source: string, target: string): Promise<void> {
    const host = await open(source, "r");
    try {
      await withOpen(this.#fs, target, O_WRITE | O_CREATE | O_TRUNCATE, async (file) => {
        const bytes = Buffer.alloc(PIECE_BYTES);
        for (let offset = 0; ; ) {
          const { bytesRead } = await host.read(bytes, 0, bytes.length, offset);
          if (bytesRead === 0) break;
          await this.#writeAll(file, bytes.subarray(0, bytesRead), offset);
          offset += bytesRead;
          this.#moved(bytesRead, source);
        }
      });
      this.files += 1;
    } finally {
      await host.close();
    }
  }

  async #writeAll(file: OpenFile, bytes: Buffer, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += await this.#fs.write(file, bytes.subarray(done), offset + done);
    }
  }

  /** From the image to the host. */
  async out(source: string, target: string): Promise<void> {
    const attributes = await attributesOf(this.#fs, source);
    this.#show(source);
    if (attributes.kind === "symlink") {
      await unlink(target).catch(() => undefined);
      await symlink(await this.#fs.readlink(source), target);
      this.files += 1;
      return;
    }
    if (attributes.kind === "directory") {
      this.#requireRecursive(source);
      await mkdir(target, { recursive: true });
      for (const name of await namesIn(this.#fs, source)) {
        await this.out(join(source, name), join(target, name));
      }
    } else await this.#fileOut(source, target, attributes.size);
    await chmod(target, attributes.mode & 0o777);
    await utimes(target, attributes.accessed.seconds, attributes.modified.seconds);
  }

  async #fileOut(source: string, target: string, size: number): Promise<void> {
    const host = await open(target, "w");
    const zeros = Buffer.alloc(PIECE_BYTES);
    try {
      await withOpen(this.#fs, source, O_READ, async (file) => {
        const bytes = Buffer.alloc(PIECE_BYTES);
        for (let offset = 0; offset < size; ) {
          const count = await this.#fs.read(file, bytes, offset);
          // What is zero stays a hole.
          const isHole = zeros.compare(bytes, 0, count, 0, count) === 0;
          if (!isHole) await host.write(bytes, 0, count, offset);
          offset += count;
          this.#moved(count, source);
        }
      });
      await host.truncate(size);
      this.files += 1;
    } finally {
      await host.close();
    }
  }

  async #makeDirectory(path: string): Promise<void> {
    const there = await attributesOf(this.#fs, path).catch(nothing);
    if (there?.kind === "directory") return;
    if (there !== undefined) throw new SysError(EEXIST, { operation: "copy", url: path });
    await withOpen(this.#fs, path, O_CREATE | O_DIRECTORY, async () => undefined);
  }

  #requireRecursive(path: string): void {
    if (this.#recursive) return;
    const hint = "it is a directory: copy it with -r";
    throw new SysError(EISDIR, { operation: "copy", url: path, hint });
  }

  #moved(count: number, path: string): void {
    this.bytes += count;
    this.#show(path);
  }

  #show(path: string): void {
    this.#progress.show(() => `${this.files} files, ${formatByteSize(this.bytes)}: ${path}`);
  }
}
