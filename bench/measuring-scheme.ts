/**
 * The scheme of the daemons that measure: `call` runs a measurement, a read then brings its
 * samples. It knows nothing of what it reads: that comes in as a source.
 */

import { copyAt, EINVAL, type Scheme } from "../user/scheme.js";
import { samplePipeline } from "./parallel.js";
import { sampleAsyncCalls } from "./sampling.js";

/** What to measure. */
export interface Measurement {
  readonly url: string;
  /** Bytes of a read; 0: null calls. */
  readonly bytes: number;
  /** Reads in flight. Depth 1 without bytes is timed call by call, all others give rates. */
  readonly depth: number;
  readonly warmMs: number;
  readonly runMs: number;
}

/** Something to read from. */
export interface Source {
  /** Bytes that it has. Reads go through it from front to end, again and again. */
  readonly size: number;
  read(buffer: Uint8Array, offset: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Samples of one measurement, until they are read. */
interface Results {
  bytes: Uint8Array;
}

/** Makes the scheme over a way to open sources. */
export function measuringScheme(
  open: (measurement: Measurement) => Promise<Source>,
): Scheme<Results> {
  return {
    open: () => ({ bytes: new Uint8Array(0) }),
    read: (results, bytes, offset) => copyAt(results.bytes, bytes, offset),
    async call(results, request) {
      const measurement = request as Measurement;
      if (!(measurement.depth >= 1)) throw EINVAL;
      const source = await open(measurement);
      const samples = await run(source, measurement);
      await source.close();
      results.bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
      return samples.length;
    },
  };
}

function run(source: Source, { bytes, depth, ...span }: Measurement): Promise<Float64Array> {
  const buffers = Array.from({ length: depth }, () => new Uint8Array(bytes));
  let offset = 0;
  const call = (lane: number): Promise<unknown> => {
    const at = offset;
    if (bytes > 0) offset = (offset + bytes) % (source.size - (source.size % bytes));
    return source.read(buffers[lane] as Uint8Array, at);
  };
  if (depth === 1 && bytes === 0) return sampleAsyncCalls(() => call(0), span);
  return samplePipeline({ ...span, depth, amount: Math.max(1, bytes), call });
}
