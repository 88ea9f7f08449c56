/** A counterpart: a test of Anode that mirrors one of another system's by name, and its stage. */

import type { TestMachine } from "../../cli/testing.js";
import type { Scene } from "./scene.js";

/** Where a counterpart plays. */
export interface Stage {
  /** A fresh machine in one thread. */
  readonly scene: Scene;
  /** The real machine, shared by all counterparts; `faulty:` is loaded in it. */
  readonly os: TestMachine;
}

/** One test. */
export interface Counterpart {
  /** Name of the test that it mirrors, as its own system has it. */
  readonly of: string;
  /** What holds in Anode, in a sentence. */
  readonly claim: string;
  readonly run: (stage: Stage) => void | Promise<void>;
}

/** Tests of another system for which there is nothing to mirror here. */
export interface Absent {
  readonly of: string;
  readonly why: string;
}
