/**
 * Variable bodies: small plain values as MessagePack, at most 64 KiB. Decoding is total: a scan
 * checks structure, lengths, depth and count before the library sees a byte, so a hostile body
 * costs no more than its own length. Extension types are refused: only plain data crosses.
 */

import "./msgpackr-env.js";
import { Packr } from "msgpackr/pack";
import { Unpackr } from "msgpackr/unpack";
import { EBADMSG, EMSGSIZE, type Errno } from "./errno.js";
import { BODY_BYTES_MAX, BODY_DEPTH_MAX, BODY_ITEMS_MAX } from "./limits.js";

// Undefined as nil: on its own it would be an extension type, which the other side refuses.
const packr = new Packr({
  useRecords: false,
  moreTypes: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
});
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** Encodes `value`. @throws EMSGSIZE when it takes more than 64 KiB. */
export function encodeBody(value: unknown): Uint8Array {
  const bytes = packr.pack(value);
  if (bytes.length > BODY_BYTES_MAX) throw EMSGSIZE;
  return bytes;
}

/** A decoded body, or why there is none. */
export type Decoded = { value: unknown } | { errno: Errno };

/**
 * Decodes a private copy of a body. Never throws: malformed bytes are EBADMSG.
 * @param bytes - not shared memory: a peer must not change it between check and use
 */
export function decodeBody(bytes: Uint8Array): Decoded {
  if (bytes.length > BODY_BYTES_MAX) return { errno: EMSGSIZE };
  if (!isPlain(bytes)) return { errno: EBADMSG };
  try {
    return { value: unpackr.unpack(bytes) as unknown };
  } catch {
    return { errno: EBADMSG };
  }
}

/** How many bytes and nested items one leading byte announces. */
interface Head {
  /** Bytes after the leading one: length field and fixed payload. */
  skip: number;
  items: number;
}

const REFUSED: Head = { skip: -1, items: 0 };

/** Checks that `bytes` hold exactly one well-formed plain value. */
function isPlain(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const open: number[] = [1];
  let at = 0;
  let count = 0;
  while (open.length > 0) {
    const left = open[open.length - 1] as number;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (at >= bytes.length || ++count > BODY_ITEMS_MAX) return false;
    const head = readHead(view, at);
    if (head.skip < 0 || at + 1 + head.skip > bytes.length) return false;
    at += 1 + head.skip;
    if (head.items > 0) {
      if (open.length > BODY_DEPTH_MAX || head.items > bytes.length - at) return false;
      open.push(head.items);
    }
  }
  return at === bytes.length;
}

function readHead(view: DataView, at: number): Head {
  const lead = view.getUint8(at);
  if (lead < 0x80 || lead >= 0xe0) return { skip: 0, items: 0 };
  if (lead < 0x90) return { skip: 0, items: 2 * (lead & 15) };
  if (lead < 0xa0) return { skip: 0, items: lead & 15 };
  if (lead < 0xc0) return { skip: lead & 31, items: 0 };
  const room = view.byteLength - at - 1;
  const length = (size: number): number => {
    if (room < size) return -1;
    if (size === 1) return view.getUint8(at + 1);
    return size === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1);
  };
  const bytesOf = (size: number): Head => {
    const n = length(size);
    return n < 0 ? REFUSED : { skip: size + n, items: 0 };
  };
  const itemsOf = (size: number, each: number): Head => {
    const n = length(size);
    return n < 0 ? REFUSED : { skip: size, items: n * each };
  };
  switch (lead) {
    case 0xc0: // nil
    case 0xc2:
    case 0xc3: // false, true
      return { skip: 0, items: 0 };
    case 0xc4:
    case 0xd9: // bin 8, str 8
      return bytesOf(1);
    case 0xc5:
    case 0xda:
      return bytesOf(2);
    case 0xc6:
    case 0xdb:
      return bytesOf(4);
    case 0xca:
    case 0xce:
    case 0xd2: // float 32, uint 32, int 32
      return { skip: 4, items: 0 };
    case 0xcb:
    case 0xcf:
    case 0xd3: // float 64, uint 64, int 64
      return { skip: 8, items: 0 };
    case 0xcc:
    case 0xd0:
      return { skip: 1, items: 0 };
    case 0xcd:
    case 0xd1:
      return { skip: 2, items: 0 };
    case 0xdc: // array 16
      return itemsOf(2, 1);
    case 0xdd:
      return itemsOf(4, 1);
    case 0xde: // map 16
      return itemsOf(2, 2);
    case 0xdf:
      return itemsOf(4, 2);
    default: // extension types and the one unused byte
      return REFUSED;
  }
}
