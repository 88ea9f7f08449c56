/** Keeping a number of promise-making calls in flight, for pipelined clients of every kind. */

import { RateMeter, type Span } from "./sampling.js";

/** Calls between two looks at the clock. */
const LOOK_EVERY = 32;

/** What to keep doing. */
export interface Pipeline extends Span {
  readonly depth: number;
  /** How much one call gets done: bytes, or 1 for requests. */
  readonly amount: number;
  /** Makes one call. `lane` is below `depth`: each lane has one call in flight. */
  call(lane: number): Promise<unknown>;
}

/** Runs the pipeline; resolves to rates a second. */
export async function samplePipeline(pipeline: Pipeline): Promise<Float64Array> {
  const warm: State = { meter: undefined, pending: 0, over: false };
  await runLanes(pipeline, warm, pipeline.warmMs);
  const counted: State = { meter: new RateMeter(), pending: 0, over: false };
  await runLanes(pipeline, counted, pipeline.runMs);
  return counted.meter?.samples() ?? new Float64Array(0);
}

interface State {
  meter: RateMeter | undefined;
  /** Calls that the meter has not heard of. */
  pending: number;
  over: boolean;
}

async function runLanes(pipeline: Pipeline, state: State, ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  const lane = async (number: number): Promise<void> => {
    while (!state.over) {
      await pipeline.call(number);
      if (++state.pending < LOOK_EVERY && pipeline.amount === 1) continue;
      state.meter?.add(state.pending * pipeline.amount);
      state.pending = 0;
      state.over = performance.now() >= endMs;
    }
  };
  await Promise.all(Array.from({ length: pipeline.depth }, (_, number) => lane(number)));
}
