/**
 * Byte layouts, declared once. A table names each field with its offset and type; order, alignment,
 * overlap and total are checked when the module loads, so a wrong table never reaches a peer. Code
 * indexes typed arrays with `FIELD.word`, `FIELD.double` or `FIELD.offset`, never with a literal.
 */

import { assert } from "./assert.js";

export type FieldType = "u8" | "u16" | "u32" | "i32" | "f64";

const SIZES: Record<FieldType, number> = { u8: 1, u16: 2, u32: 4, i32: 4, f64: 8 };

/** Where one field lies. `word` and `double` are indices for 4- and 8-byte typed arrays. */
export interface Field {
  readonly offset: number;
  readonly type: FieldType;
  readonly word: number;
  readonly double: number;
}

/** A checked layout: its fields, and its size in bytes, words and doubles. */
export type Layout<Names extends string> = Readonly<Record<Names, Field>> & {
  readonly SIZE: number;
  readonly WORDS: number;
  readonly DOUBLES: number;
};

/**
 * Declares a layout of `size` bytes. Fields stand in ascending order; holes are named `reserved…`.
 */
export function layout<Names extends string>(
  name: string,
  size: number,
  table: Record<Names, readonly [offset: number, type: FieldType]>,
): Layout<Names> {
  const fields: Record<string, Field | number> = { SIZE: size, WORDS: size / 4, DOUBLES: size / 8 };
  let end = 0;
  for (const [field, [offset, type]] of Object.entries<readonly [number, FieldType]>(table)) {
    assert(offset % SIZES[type] === 0, `${name}.${field} is not aligned`);
    assert(offset === end, `${name}.${field} is at ${offset}, expected ${end}`);
    end = offset + SIZES[type];
    fields[field] = { offset, type, word: offset >> 2, double: offset >> 3 };
  }
  assert(end === size, `${name} has ${end} bytes, declared ${size}`);
  return Object.freeze(fields) as Layout<Names>;
}
