/**
 * The conformance suite: one list of cases that every scheme runs, so that a program need not know
 * who serves its files. A scheme that cannot do something skips the case by name, with the reason;
 * the reason is printed, and a skip that names no case is a failure.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AsyncSystem } from "../../user/async-system.js";
import { type Case, type CaseContext, OBJECT_TEXT, writeText } from "./case.js";
import { fileCases } from "./file-cases.js";
import { linkCases } from "./link-cases.js";
import { loadCases } from "./load-cases.js";
import { nameCases } from "./name-cases.js";
import { objectCases } from "./object-cases.js";
import { renameCases } from "./rename-cases.js";
import { rootCases } from "./root-cases.js";

/** A system under test. */
export interface Booted {
  system: AsyncSystem;
  /**
   * The same system with only these rights, on the scheme or beneath `prefix`; without it, cases
   * about rights are skipped.
   */
  narrowed?(rights: number, prefix?: string): Promise<AsyncSystem>;
  close(): Promise<void>;
}

/** A scheme under test: a tree of names (`root`), or one object that is there (`object`). */
export interface Subject {
  name: string;
  boot(): Promise<Booted>;
  /** URL of a directory in which cases may do what they like; ends with `/`. */
  root?: string;
  /** URL of an object that can be read and written. */
  object?: string;
  /** Case name → why this scheme skips it. */
  skips?: Readonly<Record<string, string>>;
}

/** Registers the suite for one scheme. */
export function conformance(subject: Subject): void {
  const cases = [...objectCases, ...(subject.root === undefined ? [] : treeCases())];
  const skips = subject.skips ?? {};
  describe(`conformance: ${subject.name}`, () => {
    let booted: Booted;
    beforeAll(async () => {
      booted = await subject.boot();
    });
    afterAll(async () => {
      await booted.close();
    });
    it("every skip names a case", () => {
      const names = cases.map((one) => one.name);
      expect(Object.keys(skips).filter((name) => !names.includes(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
    });
    for (const [index, one] of cases.entries()) {
      const reason = skips[one.name];
      const title = reason === undefined ? one.name : `${one.name} (skipped: ${reason})`;
      it(title, { skip: reason !== undefined }, async ({ skip }) => {
        if (one.rights === true && booted.narrowed === undefined) {
          skip("the system under test cannot narrow rights");
        }
        await one.run(await contextFor(subject, booted, index));
      });
    }
  });
}

function treeCases(): Case[] {
  return [...fileCases, ...nameCases, ...linkCases, ...renameCases, ...rootCases, ...loadCases];
}

async function contextFor(subject: Subject, booted: Booted, index: number): Promise<CaseContext> {
  const { system } = booted;
  const directory = `${subject.root ?? ""}case-${index}`;
  const object = subject.object ?? `${directory}/object`;
  if (subject.root !== undefined) await system.mkdir(directory);
  if (subject.object === undefined) await writeText(system, object, OBJECT_TEXT);
  return {
    os: system,
    object,
    at: (name) => `${directory}/${name}`,
    narrowed: async (rights, prefix) => {
      expect(booted.narrowed).toBeDefined();
      return (await booted.narrowed?.(rights, prefix)) as AsyncSystem;
    },
  };
}
