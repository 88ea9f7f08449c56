/**
 * `ledger:`: a counter and a log that lose nothing and do nothing twice, whatever kills their
 * daemon. `ledger:/counter` takes calls `{ add: n }` and answers the new value; every line written
 * to `ledger:/log` is appended; both can be read as text. Adding and appending are `dedup` in the
 * manifest: what they change and what they answer are committed together.
 */

import { copyAt, EINVAL, EISDIR, ENOENT, EOPNOTSUPP, opened, type Scheme } from "anode-os/scheme";
import type { Store, Transaction } from "anode-os/store";

const FILES = ["counter", "log"] as const;
const COUNT = "counter";
const LINES = "lines";

/** The counter, the log, or the directory of both. */
type Node = (typeof FILES)[number] | "directory";

/** Something to read keys from: the store, or a transaction that changes it. */
type Reader = Pick<Transaction, "get">;

/** Makes the scheme over a store. */
export function ledgerScheme(store: Store): Scheme<Node> {
  return {
    open(path) {
      const node = path === "/" ? "directory" : FILES.find((name) => path === `/${name}`);
      if (node === undefined) throw ENOENT;
      // Another store is another ledger: handles on the old one are stale.
      const identity = { object: path, generation: store.identity };
      return opened(node, { positioned: true, identity });
    },
    read(node, bytes, offset) {
      if (node === "directory") throw EISDIR;
      return copyAt(textOf(store, node), bytes, offset);
    },
    /** Appends, wherever the writer believes to be. */
    write(node, bytes, _offset, context) {
      if (node !== "log") throw EOPNOTSUPP;
      const line = Uint8Array.from(bytes);
      return store.once(context, (change) => {
        const lines = numberOf(change, LINES);
        change.put(`line/${lines}`, line);
        change.put(LINES, encode(lines + 1));
        return line.length;
      });
    },
    call(node, request, context) {
      const { add } = (request ?? {}) as { add?: unknown };
      if (node !== "counter" || !Number.isSafeInteger(add)) throw EINVAL;
      return store.once(context, (change) => {
        const value = numberOf(change, COUNT) + (add as number);
        if (!Number.isSafeInteger(value)) throw EINVAL;
        change.put(COUNT, encode(value));
        return value;
      });
    },
    fstat: (node) =>
      node === "directory"
        ? { kind: "directory", size: 0, mode: 0o555 }
        : { kind: "file", size: Buffer.byteLength(textOf(store, node)), mode: 0o644 },
    getdents: (_node, cursor) =>
      FILES.map((name, at) => ({ name, kind: "file" as const, next: at + 1 })).slice(cursor),
    retain: (sessions) => {
      store.retain(sessions);
    },
  };
}

function textOf(store: Store, node: Exclude<Node, "directory">): string {
  if (node === "counter") return `${numberOf(store, COUNT)}\n`;
  let text = "";
  for (let line = 0; line < numberOf(store, LINES); line++) {
    text += new TextDecoder().decode(store.get(`line/${line}`));
  }
  return text;
}

function numberOf(reader: Reader, key: string): number {
  const bytes = reader.get(key);
  return bytes === undefined ? 0 : Number(new TextDecoder().decode(bytes));
}

function encode(value: number): Uint8Array {
  return new TextEncoder().encode(String(value));
}
