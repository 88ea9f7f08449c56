/**
 * The schema of a board file: an address map (`hw/board-map.ts`) as JSON, in which addresses and
 * sizes may also be strings, "0x9000000".
 */

import { z } from "zod";
import { BoardError, type BoardMap, DEVICE_KINDS, SLOT_USES } from "../hw/board-map.js";

const ADDRESS_MAX = 2 ** 40;
const SPI_MAX = 987;
const HZ_MAX = 10_000_000_000;

const amount = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^0x[0-9a-fA-F]{1,10}$/)
        .transform(Number),
    ],
    {
      error: 'must be a number, or a string like "0x9000000"',
    },
  )
  .pipe(z.number().int().min(0).max(ADDRESS_MAX));
const range = z.strictObject({ base: amount, size: amount.pipe(z.number().positive()) });
const text = z.string().min(1).max(64);
const hertz = z.number().int().positive().max(HZ_MAX);
const placed = {
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9,._+-]{0,30}$/, "must be a device tree node's name"),
  compatible: z.array(text).min(1).max(8),
};

const boardSchema = z.strictObject({
  $schema: z.string().optional(),
  name: text,
  compatible: text,
  cpuCompatible: text,
  ram: range,
  gic: z.strictObject({
    ...placed,
    kind: z.literal("gicv2"),
    distributor: range,
    cpuInterface: range,
    spiCount: z.number().int().min(32).max(256).multipleOf(32),
  }),
  timer: z.strictObject({
    compatible: z.array(text).min(1).max(8),
    ppis: z.array(z.number().int().min(0).max(15)).length(4),
  }),
  clockHz: hertz,
  timerClockHz: hertz,
  powerKeyPin: z.number().int().min(0).max(7),
  devices: z
    .array(
      z.strictObject({
        ...placed,
        kind: z.enum(DEVICE_KINDS),
        window: range,
        spi: z.number().int().min(0).max(SPI_MAX).optional(),
        trigger: z.enum(["edge", "level"]).optional(),
        holds: z.enum(SLOT_USES).optional(),
      }),
    )
    .max(256),
});

/** Checks the form of a board file. @throws BoardError that names the field */
export function parseBoardJson(value: unknown): BoardMap {
  const parsed = boardSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") || "the file";
    throw new BoardError(`${field}: ${issue?.message ?? "is wrong"}`);
  }
  const { $schema: _schema, ...map } = parsed.data;
  return map as BoardMap;
}
