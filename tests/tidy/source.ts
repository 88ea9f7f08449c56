/**
 * A TypeScript file as the tidy rules see it: three views of one text, all of the same length, so
 * that an index means the same place in each of them.
 *
 * This is a lexer, not a parser: it knows comments, strings, templates and regular expressions, and
 * nothing of grammar. It must never take the inside of one of them for code.
 */

export interface Source {
  /** Relative to the repository, with forward slashes. */
  path: string;
  /** As it stands in the file. */
  text: string;
  /** Only code: comments, and what stands between quotes, are spaces. The quotes stay. */
  code: string;
  /** Only comments: everything else is spaces. */
  comments: string;
}

const REGEX = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const STRING = /"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
/** From a backquote, or from the end of a substitution, to the next of either. */
const TEMPLATE = /[`}](?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;

/** After one of these a slash starts a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[-+*%=<>!&|^~?:;,([{]|\b(?:return|typeof|case|of|throw|await))\s*$/;

export function parse(path: string, text: string): Source {
  let code = "";
  let comments = "";
  /** For each open substitution, the braces that are open inside it. */
  const substitutions: number[] = [];

  const take = (token: string, kind: "code" | "comment" | "quoted"): void => {
    code += kind === "code" ? token : kind === "comment" ? blank(token) : blankInside(token);
    comments += kind === "comment" ? token : blank(token);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = code.length;
    return pattern.exec(text)?.[0];
  };

  if (text.startsWith("#!")) take(text.slice(0, text.indexOf("\n")), "comment");
  while (code.length < text.length) {
    const character = text.charAt(code.length);
    const closes = character === "}" && substitutions.at(-1) === 0;
    const slash = character === "/";
    const comment = slash ? match(COMMENT) : undefined;
    const regex = slash && BEFORE_REGEX.test(code.slice(-40)) ? match(REGEX) : undefined;
    const string = character === '"' || character === "'" ? match(STRING) : undefined;
    const template = character === "`" || closes ? match(TEMPLATE) : undefined;
    if (comment !== undefined) take(comment, "comment");
    else if (string !== undefined) take(string, "quoted");
    else if (regex !== undefined) take(regex, "quoted");
    else if (template !== undefined) {
      if (closes) substitutions.pop();
      if (template.endsWith("${")) substitutions.push(0);
      take(template, "quoted");
    } else {
      const depth = substitutions.pop();
      if (depth !== undefined) {
        substitutions.push(depth + (character === "{" ? 1 : character === "}" ? -1 : 0));
      }
      take(character, "code");
    }
  }
  return { path, text, code, comments };
}

/** Line of an index, from 1. */
export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function blank(token: string): string {
  return token.replace(/[^\n]/g, " ");
}

/** A quoted token keeps its first and last character; a template's braces come out balanced. */
function blankInside(token: string): string {
  return token.charAt(0) + blank(token.slice(1, -1)) + token.slice(1).slice(-1);
}
