/*
 * A stand-in for vitest in the trials of mutants: it runs the unit tests of the models in the
 * process that is there, some twenty times faster than a runner that starts for each mutant. It
 * knows what those tests use and no more: a test that needs more fails on the unchanged model, and
 * the harness says so.
 */
import { isDeepStrictEqual } from "node:util";

type Body = () => unknown;

interface Suite {
  beforeAll: Body[];
  beforeEach: Body[];
  afterEach: Body[];
  afterAll: Body[];
  members: (Body | Suite)[];
}

const newSuite = (): Suite => ({
  beforeAll: [],
  beforeEach: [],
  afterEach: [],
  afterAll: [],
  members: [],
});

/** What the test files have registered, and the suite that they are in. */
const registry = { root: newSuite(), current: newSuite() };
registry.current = registry.root;

/** Runs all registered tests, one after the other. Rejects with the first failure. */
export async function runTests(suite: Suite = registry.root, around: Suite[] = []): Promise<void> {
  const suites = [...around, suite];
  for (const body of suite.beforeAll) await body();
  for (const member of suite.members) {
    if (typeof member !== "function") {
      await runTests(member, suites);
      continue;
    }
    for (const { beforeEach } of suites) for (const body of beforeEach) await body();
    await member();
    for (const { afterEach } of suites) for (const body of afterEach) await body();
  }
  for (const body of suite.afterAll) await body();
}

/** How long `expect.poll` asks. */
const POLL_MS_MAX = 2000;

type Rows = readonly unknown[];

export function describe(_name: string, body: Body): void {
  const outer = registry.current;
  const suite = newSuite();
  outer.members.push(suite);
  registry.current = suite;
  body();
  registry.current = outer;
}

describe.each =
  (rows: Rows) =>
  (_name: string, body: (...row: unknown[]) => unknown): void => {
    for (const row of rows) describe("", () => body(...(Array.isArray(row) ? row : [row])));
  };

/** `test(name, body)` and `test(name, options, body)`. */
export function test(_name: string, ...rest: unknown[]): void {
  const body = rest.find((part): part is Body => typeof part === "function");
  if (body !== undefined) registry.current.members.push(body);
}

test.each =
  (rows: Rows) =>
  (_name: string, body: (...row: unknown[]) => unknown): void => {
    for (const row of rows) test("", () => body(...(Array.isArray(row) ? row : [row])));
  };

export const beforeAll = (body: Body): number => registry.current.beforeAll.push(body);
export const beforeEach = (body: Body): number => registry.current.beforeEach.push(body);
export const afterEach = (body: Body): number => registry.current.afterEach.push(body);
export const afterAll = (body: Body): number => registry.current.afterAll.push(body);

type Expected = string | RegExp | object | undefined;

/** What a value is expected to be: whether it is. */
const MATCHERS = {
  toBe: (value: unknown, expected: unknown) => Object.is(value, expected),
  toEqual: (value: unknown, expected: unknown) => isDeepStrictEqual(bare(value), bare(expected)),
  toMatchObject: (value: unknown, expected: unknown) => hasParts(value, expected),
  toBeUndefined: (value: unknown) => value === undefined,
  toBeGreaterThan: (value: unknown, than: unknown) => Number(value) > Number(than),
  toBeGreaterThanOrEqual: (value: unknown, than: unknown) => Number(value) >= Number(than),
  toBeLessThan: (value: unknown, than: unknown) => Number(value) < Number(than),
  toBeLessThanOrEqual: (value: unknown, than: unknown) => Number(value) <= Number(than),
  toHaveLength: (value: unknown, length: unknown) =>
    (value as { length: number }).length === length,
  toContain: (value: unknown, part: unknown) => (value as unknown[]).includes(part),
  toMatch: (value: unknown, pattern: unknown) => says(String(value), pattern as Expected),
  toThrow: (value: unknown, message: unknown) => throws(value as Body, message as Expected),
} as const;

type Matchers = Record<keyof typeof MATCHERS, (expected?: unknown) => void>;
type AsyncMatchers = Record<keyof typeof MATCHERS, (expected?: unknown) => Promise<void>>;

/** `expect` of a value. A failure is thrown. */
export function expect(
  value: unknown,
): Matchers & { not: Matchers; rejects: AsyncMatchers; resolves: AsyncMatchers } {
  const entries = Object.entries(MATCHERS);
  const matchers = (wanted: boolean): Matchers =>
    Object.fromEntries(
      entries.map(([name, matches]) => [
        name,
        (expected?: unknown): void => {
          if (matches(value, expected) !== wanted) throw new RangeError(`expect: ${name}`);
        },
      ]),
    ) as Matchers;
  const later = (get: () => Promise<unknown>): AsyncMatchers =>
    Object.fromEntries(
      entries.map(([name, matches]) => [
        name,
        async (expected?: unknown): Promise<void> => {
          const result = await get();
          const ok =
            name === "toThrow"
              ? says(messageOf(result), expected as Expected)
              : matches(result, expected);
          if (!ok) throw new RangeError(`expect: ${name}`);
        },
      ]),
    ) as AsyncMatchers;
  const rejection = async (): Promise<unknown> => {
    let result: unknown;
    try {
      result = await value;
    } catch (error) {
      return error;
    }
    throw new RangeError(`expect: resolved to ${String(result)}`);
  };
  return {
    ...matchers(true),
    not: matchers(false),
    rejects: later(rejection),
    resolves: later(async () => await value),
  };
}

/** `expect.poll(get)`: the same of what `get` answers sooner or later. */
expect.poll = (get: () => unknown): AsyncMatchers =>
  Object.fromEntries(
    Object.entries(MATCHERS).map(([name, matches]) => [
      name,
      async (expected?: unknown): Promise<void> => {
        const endMs = performance.now() + POLL_MS_MAX;
        while (!matches(await get(), expected)) {
          if (performance.now() > endMs) throw new RangeError(`expect.poll: ${name}`);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    ]),
  ) as AsyncMatchers;

/** Objects without what is undefined in them: `toEqual` does not see it. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([name, part]) => [name, bare(part)]));
}

function hasParts(value: unknown, parts: unknown): boolean {
  if (typeof parts !== "object" || parts === null) return Object.is(value, parts);
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(parts) && (value as unknown[]).length !== parts.length) return false;
  return Object.entries(parts).every(([name, part]) =>
    hasParts((value as Record<string, unknown>)[name], part),
  );
}

function throws(body: Body, message: Expected): boolean {
  try {
    body();
  } catch (error) {
    return says(messageOf(error), message);
  }
  return false;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function says(text: string, expected: Expected): boolean {
  if (expected === undefined) return true;
  if (expected instanceof RegExp) return expected.test(text);
  return typeof expected === "string" ? text.includes(expected) : false;
}
