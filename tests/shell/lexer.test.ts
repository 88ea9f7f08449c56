/** The shell's lexer: text to tokens, problems with positions, totality. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lex } from "../../user/shell/lexer.js";
import type { Token, WordPart } from "../../user/shell/syntax.js";

/** Tokens in one line: words in quotes with `$?` as `{?}`, the rest as it is written. */
function shown(source: string): string {
  const lexed = lex(source);
  if ("problem" in lexed) return `${lexed.problem.at}: ${lexed.problem.message}`;
  return lexed.tokens.map(showToken).join(" ");
}

function showToken(token: Token): string {
  switch (token.tag) {
    case "word":
      return `'${token.word.parts.map(showPart).join("")}'`;
    case "operator":
      return token.text === "\n" ? "NEWLINE" : token.text;
    case "redirect":
      return `${token.stream}:${token.access}`;
    case "redirect-stream":
      return `${token.stream}>&${token.target}`;
  }
}

function showPart(part: WordPart): string {
  return part.tag === "text" ? part.text : "{?}";
}

describe("lexer", () => {
  it.each([
    ["", ""],
    ["ls -l  /etc", "'ls' '-l' '/etc'"],
    ["a;b&&c||d|e&(f)", "'a' ; 'b' && 'c' || 'd' | 'e' & ( 'f' )"],
    ["a\nb", "'a' NEWLINE 'b'"],
    ["echo 'a $? \\ b'", "'echo' 'a $? \\ b'"],
    ['echo "a $? \\" \\\\ \\x"', "'echo' 'a {?} \" \\ \\x'"],
    ["a\\ b \\'c\\' d\\\ne", "'a b' ''c'' 'de'"],
    ["a''b \"\" ''", "'ab' '' ''"],
    ["echo $? x$?y", "'echo' '{?}' 'x{?}y'"],
    ["echo $ 5$", "'echo' '$' '5$'"],
    ["a # b ; c\nd a#b", "'a' NEWLINE 'd' 'a#b'"],
    [
      "<a >b >>c 2>d 2>>e 1>f 0<g",
      "0:read 'a' 1:write 'b' 1:append 'c' 2:write 'd' 2:append 'e' 1:write 'f' 0:read 'g'",
    ],
    ["a 2>&1 >&2", "'a' 2>&1 1>&2"],
    ["echo 2 a2>b", "'echo' '2' 'a2' 1:write 'b'"],
  ])("lexer: %j", (source, tokens) => {
    expect(shown(source)).toBe(tokens);
  });

  it.each([
    ["echo 'a", "5: this ' is never closed"],
    ['echo "a', '5: this " is never closed'],
    ["echo \\", "5: nothing follows this \\"],
    ["echo $HOME", "5: only the variable $? exists (write \\$ for a dollar sign)"],
    ["echo `ls`", "5: command substitution is not supported"],
    ["cat << x", "4: '<<' is not supported: use a pipe or a file"],
    ["a &> b", "2: '&>' is not supported: use '> FILE 2>&1'"],
    ["a 3> b", "2: there is no stream 3: only 0, 1 and 2"],
    ["a 2>&x", "2: '>&' needs 1 or 2 after it"],
  ])("lexer: %j is refused at its position", (source, problem) => {
    expect(shown(source)).toBe(problem);
  });

  it("lexer: an open quote is incomplete, an unsupported word is not", () => {
    expect(lex("'a")).toMatchObject({ problem: { incomplete: true } });
    expect(lex("`a`")).toMatchObject({ problem: { incomplete: false } });
  });

  it("lexer: any text gives tokens that cover it in order, or a problem within it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab 2'\"\\$?#;&|()<>\n`") }), (source) => {
        const lexed = lex(source);
        if ("problem" in lexed) {
          expect(lexed.problem.at).toBeLessThanOrEqual(source.length);
          return;
        }
        let end = 0;
        for (const token of lexed.tokens) {
          expect(token.at).toBeGreaterThanOrEqual(end);
          expect(token.end).toBeGreaterThan(token.at);
          end = token.end;
        }
      }),
    );
  });

  it("lexer: a word in single quotes is itself", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const source = `'${text.replaceAll("'", "'\\''")}'`;
        const lexed = lex(source);
        expect(lexed).toMatchObject({ tokens: [{ tag: "word" }] });
        expect(shown(source)).toBe(`'${text}'`);
      }),
    );
  });
});
