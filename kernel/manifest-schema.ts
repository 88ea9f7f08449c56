/** The schema of `anode.json`: for checking what users load, and as JSON Schema for editors. */

import { satisfies, validRange } from "semver";
import { z } from "zod";
import { EINVAL } from "../ipc/errno.js";
import { STORE_BYTES_MAX } from "../ipc/limits.js";
import { DECLARABLE_OPERATIONS } from "../ipc/opcode.js";
import { parseRights } from "../ipc/rights.js";
import { SysError } from "../ipc/sys-error.js";
import { isSchemeName, parseUrl } from "../ipc/url.js";
import type { Manifest } from "./manifest.js";

const milliseconds = z.number().positive().max(3_600_000);

const manifestSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be a short lower-case word, like weather")
    .describe("Name of the daemon, as ps shows it"),
  version: z.string().describe("Version of the daemon"),
  abi: z
    .string()
    .refine((range) => validRange(range) !== null, "must be a version range, like ^1.0")
    .describe("Range of Anode ABI versions that it works with"),
  entry: z
    .string()
    .regex(/^\.\//, "must be a relative path that begins with ./")
    .describe("Compiled module to run, relative to this file"),
  provides: z
    .array(z.string().refine(isSchemeName, "must be a scheme name, like weather"))
    .max(16)
    .describe("Schemes that it serves"),
  needs: z
    .record(
      z.string().refine((url) => "scheme" in parseUrl(url), "must be a URL prefix, like file:/etc"),
      z
        .string()
        .refine((text) => parseRights(text) !== undefined, "must be rights, like read write"),
    )
    .optional()
    .describe("URL prefixes that it may use, and with which rights"),
  drives: z.array(z.string()).max(64).optional().describe("Devices, by compatible string"),
  operations: z
    .partialRecord(
      z.enum(DECLARABLE_OPERATIONS as [string, ...string[]]),
      z.enum(["pure", "idempotent", "dedup", "once"]),
    )
    .optional()
    .describe("What may be done with an operation in flight when the daemon dies"),
  store: z
    .strictObject({ bytes: z.number().int().min(4096).max(STORE_BYTES_MAX) })
    .optional()
    .describe("Memory that outlives the daemon's deaths"),
  isolation: z
    .enum(["thread", "confined", "wasm"])
    .optional()
    .describe("thread: trusted code; confined: only what its names lead to"),
  preload: z
    .array(z.string().regex(/^\.{1,2}\//, "must be a relative path that begins with ./ or ../"))
    .max(32)
    .optional()
    .describe("Modules that warm spares load beforehand; they must not act on import"),
  restart: z.enum(["permanent", "transient", "temporary"]).optional(),
  start: z.enum(["boot", "demand"]).optional(),
  args: z.array(z.string()).max(64).optional(),
  supervision: z
    .strictObject({
      minimumRunMs: milliseconds,
      backoffMs: milliseconds,
      backoffMsMax: milliseconds,
      deathsMax: z.number().int().min(0).max(1000),
      deathsWindowMs: milliseconds,
      readyMsMax: milliseconds,
      probeMs: milliseconds,
    })
    .partial()
    .optional(),
});

/**
 * Checks a manifest. @throws SysError EINVAL whose message names the field and what it must be, or
 * the ABI that does not match
 */
export function checkManifest(value: unknown, abi: string): Manifest {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") || "anode.json";
    throw new SysError(EINVAL, { operation: "load", hint: `${field}: ${issue?.message ?? ""}` });
  }
  const manifest = parsed.data;
  if (!satisfies(abi, manifest.abi)) {
    const hint = `abi: ${manifest.name} wants ${manifest.abi}, this kernel has ${abi}`;
    throw new SysError(EINVAL, { operation: "load", hint });
  }
  if (manifest.isolation === "wasm") {
    const hint = "isolation: wasm is not there yet, use confined or thread";
    throw new SysError(EINVAL, { operation: "load", hint });
  }
  if (manifest.store !== undefined && manifest.isolation === "confined") {
    const hint = "store: confined code gets no shared memory; use isolation thread";
    throw new SysError(EINVAL, { operation: "load", hint });
  }
  if (manifest.store === undefined) {
    const dedup = Object.entries(manifest.operations ?? {}).find(([, is]) => is === "dedup");
    if (dedup !== undefined) {
      const hint = `operations.${dedup[0]}: dedup needs a store, to remember what was done`;
      throw new SysError(EINVAL, { operation: "load", hint });
    }
  }
  const { $schema: _schema, ...rest } = manifest;
  return rest as Manifest;
}

/** The schema for editors. */
export function manifestJsonSchema(): unknown {
  return z.toJSONSchema(manifestSchema);
}
