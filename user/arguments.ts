/**
 * The argument parser of the programs: flags (`-l`, `-la`, `--json`), options with a value (`-n 5`,
 * `-n5`, `--nth 3`, `--nth=3`), operands, and `--` before operands that begin with a dash. Pure and
 * total: any list of strings gives arguments or one sentence about what is wrong.
 */

/** What a program accepts: option → its line in `--help`. A value's line starts with its name. */
export interface ArgumentRules {
  flags?: Readonly<Record<string, string>>;
  values?: Readonly<Record<string, string>>;
  /** Least and greatest count of operands. */
  operands: readonly [number, number];
  /** Set when dashes mean nothing (`echo`): every argument is an operand. */
  verbatim?: boolean;
}

/** Parsed arguments. */
export interface Arguments {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** Parses `args`; a string is the complaint. */
export function parseArguments(args: readonly string[], rules: ArgumentRules): Arguments | string {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (rules.verbatim === true || word === "-" || !word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    if (word === "--") {
      operands.push(...args.slice(index + 1));
      break;
    }
    const option = splitOption(word, rules);
    if (typeof option === "string") return option;
    for (const flag of option.flags) flags.add(flag);
    if (option.name === undefined) continue;
    if (option.value === undefined) index += 1;
    const value = option.value ?? args[index];
    if (value === undefined) return `option ${option.name} needs a value`;
    values.set(option.name, value);
  }
  return countComplaint(operands.length, rules) ?? { flags, values, operands };
}

interface Option {
  flags: string[];
  /** Option that takes a value, and the value when it is in the same word. */
  name?: string;
  value?: string;
}

function splitOption(word: string, rules: ArgumentRules): Option | string {
  const known = (table: ArgumentRules["flags"], name: string) =>
    table !== undefined && Object.hasOwn(table, name);
  if (known(rules.flags, word)) return { flags: [word] };
  if (known(rules.values, word)) return { flags: [], name: word };
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    if (equals > 0 && known(rules.values, name)) {
      return { flags: [], name, value: word.slice(equals + 1) };
    }
    if (known(rules.flags, name)) return `option ${name} takes no value`;
    return `unknown option ${name}`;
  }
  const flags: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const name = `-${word[at]}`;
    if (known(rules.flags, name)) flags.push(name);
    else if (known(rules.values, name)) {
      return at + 1 < word.length ? { flags, name, value: word.slice(at + 1) } : { flags, name };
    } else return `unknown option ${name}`;
  }
  return { flags };
}

function countComplaint(count: number, rules: ArgumentRules): string | undefined {
  const [least, greatest] = rules.operands;
  if (count < least) return "too few arguments";
  if (count > greatest) return "too many arguments";
  return undefined;
}
