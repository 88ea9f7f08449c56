/**
 * The crossing between gate and confined code, in both directions. The gate is never entered while
 * it is at work: a call that a stack overflow has cut in the middle leaves the mark standing, and
 * whoever comes next finds it and ends the thread. A death is always safe; a gate in an unknown
 * state is not.
 */

import type { Guest, RequestFacts } from "../../../ipc/confined.js";

const CUT = "the gate was left in the middle of a call";

/** Guards the gate's state. */
export class Crossing {
  #inside = false;
  readonly #die: (words: string) => void;
  /** Describes what confined code has thrown, in words of its own. */
  describe: (thrown: unknown) => unknown = () => undefined;

  constructor(die: (words: string) => void) {
    this.#die = die;
  }

  /** True while a call of confined code into the gate is at work. */
  get inside(): boolean {
    return this.#inside;
  }

  /** Makes a function of the gate callable from outside. */
  inward<Arguments extends unknown[], Result>(
    work: (...args: Arguments) => Result,
  ): (...args: Arguments) => Result {
    const call = (...args: Arguments): Result => {
      if (this.#inside) this.#die("the gate was entered twice, or left in the middle");
      this.#inside = true;
      let result: Result | undefined;
      try {
        result = work(...args);
      } catch {
        // Nothing in there throws, but the engine when the stack is full. What was cut in the
        // middle must not go on, and no error of the gate's gets out.
        this.#die("the gate was cut in the middle of a call: stack overflow");
      }
      this.#inside = false;
      return result as Result;
    };
    return Object.freeze(call);
  }

  /** Has confined code handle a request: as `outward`, without a closure for each. */
  dispatch(
    guest: Guest,
    request: number,
    operation: string,
    handle: number,
    first: string | number | Uint8Array | undefined,
    second: string | number | undefined,
    facts: RequestFacts,
  ): unknown {
    if (this.#inside) this.#die(CUT);
    let value: unknown;
    try {
      value = guest.dispatch(request, operation, handle, first, second, facts);
    } catch (thrown) {
      this.#die(this.words(thrown));
    }
    if (this.#inside) this.#die(CUT);
    return value;
  }

  /** Calls confined code. What it throws is a bug of its own and ends the thread. */
  outward(call: () => unknown): unknown {
    if (this.#inside) this.#die(CUT);
    let value: unknown;
    try {
      value = call();
    } catch (thrown) {
      this.#die(this.words(thrown));
    }
    if (this.#inside) this.#die(CUT);
    return value;
  }

  /** Words for anything that was thrown. Never throws. */
  words(thrown: unknown): string {
    try {
      const words = this.describe(thrown);
      return typeof words === "string" ? words.slice(0, 4096) : "threw what cannot be shown";
    } catch {
      return "threw what cannot be shown";
    }
  }
}
