/** TextEncoder and TextDecoder for confined code: UTF-8 only, by the gate's own functions. */

import { EILSEQ, EINVAL } from "../../ipc/errno.js";
import { bridge } from "./bridge.js";

/** A lead byte of UTF-8 says how many bytes its character has. */
function lengthByLead(byte: number): number {
  if (byte >= 0xf0) return 4;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc0 ? 2 : 1;
}

/** As the web's. */
export class ConfinedTextEncoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array {
    return bridge().encodeText(String(text));
  }

  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = this.encode(character);
      if (written + bytes.length > into.length) break;
      into.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

/** As the web's. @throws EILSEQ from `decode` when `fatal` and malformed; EINVAL: not UTF-8 */
export class ConfinedTextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** Bytes of a character that has not come to its end. */
  #rest = new Uint8Array(0);

  constructor(encoding = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^utf-?8$/i.test(encoding)) throw EINVAL;
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(bytes: ArrayBuffer | ArrayBufferView = new Uint8Array(0), options?: { stream?: boolean }) {
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    const all = new Uint8Array(this.#rest.length + view.length);
    all.set(this.#rest);
    all.set(view, this.#rest.length);
    const end = options?.stream === true ? wholeCharacters(all) : all.length;
    this.#rest = all.slice(end);
    const text = bridge().decodeText(all.slice(0, end), this.fatal);
    if (text === undefined) throw EILSEQ;
    return !this.ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
}

/** Where the last whole character ends. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0x80 && byte < 0xc0) continue;
    return lengthByLead(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
