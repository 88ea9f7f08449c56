/** Messages of the domain name system (RFC 1035 §4): a question for IPv4 addresses, an answer. */

import { DNS_ADDRESSES_MAX, DNS_ALIASES_MAX } from "./limits.js";
import { get16, get32, put16, wire } from "./wire.js";

const DNS = wire("Dns", 12, {
  identifier: [0, 2],
  flags: [2, 2],
  questions: [4, 2],
  answers: [6, 2],
  authorities: [8, 2],
  additional: [10, 2],
});
/** What follows the name of a question, and of a record. */
const QUESTION = wire("DnsQuestion", 4, { type: [0, 2], class: [2, 2] });
const RECORD = wire("DnsRecord", 10, { type: [0, 2], class: [2, 2], ttl: [4, 4], length: [8, 2] });

const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const CODE_MASK = 0xf;
const CODE_NO_NAME = 3;
const TYPE = { A: 1, CNAME: 5, SOA: 6 } as const;
const CLASS_IN = 1;
const ADDRESS_BYTES = 4;
/** Labels have six bits for their length; the other two say "pointer" (§4.1.4). */
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;
const POINTER = 0xc0;
const POINTER_MASK = 0x3fff;
const POINTERS_MAX = 16;
const RECORDS_MAX = 64;

/** What a server answered. */
export type DnsAnswer =
  | { tag: "addresses"; addresses: readonly number[]; ttlS: number }
  /** There is no such name, or it has no address (RFC 2308). */
  | { tag: "none"; ttlS: number }
  /** The server could not say, or not in a datagram. */
  | { tag: "failed" };

/** Whether a name can be asked for: labels of letters, digits, hyphens and underscores. */
export function isName(name: string): boolean {
  const labels = name.split(".");
  return (
    name.length < NAME_BYTES_MAX - 1 &&
    labels.every((label) => label.length <= LABEL_BYTES_MAX && /^[a-z0-9_-]+$/i.test(label))
  );
}

/** A question for the addresses of a name that `isName`. */
export function encodeQuestion(identifier: number, name: string): Uint8Array {
  const labels = name.split(".");
  const size = labels.reduce((sum, label) => sum + 1 + label.length, 1);
  const bytes = new Uint8Array(DNS.SIZE + size + QUESTION.SIZE);
  put16(bytes, DNS.identifier, identifier);
  put16(bytes, DNS.flags, RECURSION_DESIRED);
  put16(bytes, DNS.questions, 1);
  let at = DNS.SIZE;
  for (const label of labels) {
    bytes[at] = label.length;
    bytes.set(Buffer.from(label), at + 1);
    at += 1 + label.length;
  }
  put16(bytes, at + 1 + QUESTION.type, TYPE.A);
  put16(bytes, at + 1 + QUESTION.class, CLASS_IN);
  return bytes;
}

/** Decodes the answer to a question; undefined when it is none (RFC 5452 §9). */
export function parseAnswer(
  bytes: Uint8Array,
  question: { identifier: number; name: string },
): DnsAnswer | undefined {
  if (bytes.length < DNS.SIZE || get16(bytes, DNS.identifier) !== question.identifier) {
    return undefined;
  }
  const flags = get16(bytes, DNS.flags);
  if ((flags & RESPONSE) === 0 || get16(bytes, DNS.questions) !== 1) return undefined;
  const asked = readName(bytes, DNS.SIZE);
  if (asked === undefined || asked.name !== question.name.toLowerCase()) return undefined;
  const code = flags & CODE_MASK;
  if ((flags & TRUNCATED) !== 0 || (code !== 0 && code !== CODE_NO_NAME)) return { tag: "failed" };
  const start = asked.end + QUESTION.SIZE;
  const count = get16(bytes, DNS.answers);
  const records = readRecords(bytes, start, count + get16(bytes, DNS.authorities));
  if (records === undefined) return undefined;
  const found = follow(asked.name, records.slice(0, count));
  if (found !== undefined) return { tag: "addresses", ...found };
  const soa = records.find(({ type }) => type === TYPE.SOA);
  return { tag: "none", ttlS: soa?.ttlS ?? 0 };
}

interface DnsRecord {
  name: string;
  type: number;
  ttlS: number;
  address: number;
  alias: string;
}

/** Follows aliases to addresses. */
function follow(
  name: string,
  records: readonly DnsRecord[],
): { addresses: number[]; ttlS: number } | undefined {
  let current = name;
  let ttlS = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= DNS_ALIASES_MAX; i++) {
    const here = records.filter((record) => record.name === current);
    const addresses = here.filter(({ type }) => type === TYPE.A).slice(0, DNS_ADDRESSES_MAX);
    if (addresses.length > 0) {
      for (const record of addresses) ttlS = Math.min(ttlS, record.ttlS);
      return { addresses: addresses.map(({ address }) => address), ttlS };
    }
    const alias = here.find(({ type }) => type === TYPE.CNAME);
    if (alias === undefined) return undefined;
    ttlS = Math.min(ttlS, alias.ttlS);
    current = alias.alias;
  }
  return undefined;
}

function readRecords(bytes: Uint8Array, start: number, count: number): DnsRecord[] | undefined {
  const records: DnsRecord[] = [];
  let at = start;
  for (let i = 0; i < Math.min(count, RECORDS_MAX); i++) {
    const owner = readName(bytes, at);
    if (owner === undefined) return undefined;
    const body = owner.end + RECORD.SIZE;
    const length = get16(bytes, owner.end + RECORD.length);
    if (body + length > bytes.length) return undefined;
    const type = get16(bytes, owner.end + RECORD.type);
    const known = get16(bytes, owner.end + RECORD.class) === CLASS_IN;
    const alias = type === TYPE.CNAME ? readName(bytes, body)?.name : undefined;
    const usable = type !== TYPE.A || length === ADDRESS_BYTES;
    if (known && usable) {
      records.push({
        name: owner.name,
        type,
        ttlS: get32(bytes, owner.end + RECORD.ttl) & 0x7fffffff,
        address: get32(bytes, body),
        alias: alias ?? "",
      });
    }
    at = body + length;
  }
  return records;
}

/** Reads a name; pointers only go back, and only so often. */
function readName(bytes: Uint8Array, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let size = 0;
  for (let pointers = 0; pointers <= POINTERS_MAX; ) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if ((length & POINTER) === POINTER) {
      const target = get16(bytes, at) & POINTER_MASK;
      if (target >= at) return undefined;
      end ??= at + 2;
      at = target;
      pointers += 1;
      continue;
    }
    size += 1 + length;
    if (length > LABEL_BYTES_MAX || size > NAME_BYTES_MAX) return undefined;
    if (at + 1 + length > bytes.length) return undefined;
    const label = Buffer.from(bytes.subarray(at + 1, at + 1 + length)).toString("latin1");
    labels.push(label.toLowerCase());
    at += 1 + length;
  }
  return undefined;
}
