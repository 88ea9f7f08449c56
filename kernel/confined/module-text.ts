/**
 * One ES module, made into the text of an asynchronous function: imports become free names that
 * the realm provides, exports a table of getters. Line numbers stay. What a compartment could not
 * stop (`import()`, `import.meta`) is refused here with its place; text in comments and literals
 * that only looks like it is spelled in another way, so that the compartment's own coarse check,
 * which comes last, finds nothing.
 */

import {
  type AnyNode,
  type Comment,
  type Identifier,
  type Literal,
  parse,
  type Token,
} from "acorn";
import { ENOEXEC } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";

/** What a module says about others, and its text. */
export interface ModuleText {
  imports: { specifier: string; imported: string; local: string }[];
  exports: { name: string; specifier?: string; imported?: string; constant: boolean }[];
  /** Modules whose exports it passes on (`export * from`). */
  stars: string[];
  /** All specifiers in the order in which they are evaluated. */
  specifiers: string[];
  code: string;
}

/** Names that the text uses for itself. */
const EXPORT = "$anodeExport";
const DEFAULT = "$anodeDefault";

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** Refuses the source. @throws SysError ENOEXEC */
export function refuse(url: string, why: string): never {
  throw new SysError(ENOEXEC, { operation: "link", url, hint: why });
}

/**
 * Makes the text. @throws SysError ENOEXEC that names the line of what cannot be
 */
export function moduleText(url: string, source: string): ModuleText {
  const comments: Comment[] = [];
  const tokens: Token[] = [];
  const program = parsed(url, source, comments, tokens);
  const found = survey(url, program);
  const module: ModuleText = { imports: [], exports: [], stars: [], specifiers: [], code: "" };
  const edits: Edit[] = comments.map(({ start, end }) => blank(source, start, end));
  const getters: string[] = [];
  const constants = constantsOf(program);
  for (const name of found.assigned) constants.delete(name);
  const own = (name: string, local: string): void => {
    const imported = module.imports.find((one) => one.local === local);
    if (imported !== undefined) {
      // Imported and exported again: the binding is another module's.
      module.exports.push({ ...imported, name, constant: false });
      return;
    }
    module.exports.push({ name, constant: constants.has(local) });
    getters.push(`${JSON.stringify(name)}: () => ${local}`);
  };
  const context: Context = { source, module, edits, own };
  for (const statement of program.body) imports(statement, context);
  for (const statement of program.body) exports(statement, context);
  edits.push(...spelledAnew(source, found.literals, tokens));
  const body = applied(source, edits);
  module.code = `(async function (${EXPORT}) {${EXPORT}({${getters.join(", ")}});${body}\n})`;
  return module;
}

function parsed(url: string, source: string, onComment: Comment[], onToken: Token[]) {
  try {
    const options = { ecmaVersion: "latest", sourceType: "module", onComment } as const;
    // Tokens matter for the operators that look like the end of an HTML comment only.
    return parse(source, source.includes("-->") ? { ...options, onToken } : options);
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? thrown.message : "too deeply nested";
    return refuse(url, why);
  }
}

interface Survey {
  literals: Edit[];
  /** Names that something is assigned to, in whatever scope. */
  assigned: Set<string>;
}

/** Looks at every node once. Not by recursion: a text may be nested as deep as it likes. */
function survey(url: string, program: AnyNode): Survey {
  const found: Survey = { literals: [], assigned: new Set() };
  const queue: AnyNode[] = [program];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    look(url, node, found);
    if (node.type === "TaggedTemplateExpression") {
      // Its raw text can be read: it stays as it is.
      queue.push(node.tag, ...node.quasi.expressions);
    } else addChildren(node, queue);
  }
  return found;
}

function addChildren(node: AnyNode, queue: AnyNode[]): void {
  const fields = node as unknown as Record<string, unknown>;
  for (const key in fields) {
    const value = fields[key];
    if (typeof value !== "object" || value === null) continue;
    if (!Array.isArray(value)) {
      if ("type" in value) queue.push(value as AnyNode);
      continue;
    }
    for (const one of value as unknown[]) {
      if (typeof one === "object" && one !== null && "type" in one) queue.push(one as AnyNode);
    }
  }
}

function look(url: string, node: AnyNode, { literals, assigned }: Survey): void {
  switch (node.type) {
    case "ImportExpression":
      refuse(url, "import() is not there in confined code: import at the top, from this folder");
      break;
    case "MetaProperty":
      if (node.meta.name !== "import") return;
      refuse(url, "import.meta is not there in confined code");
      break;
    case "AssignmentExpression":
      namesIn(node.left, assigned);
      break;
    case "UpdateExpression":
      namesIn(node.argument, assigned);
      break;
    case "ForInStatement":
    case "ForOfStatement":
      if (node.left.type !== "VariableDeclaration") namesIn(node.left, assigned);
      break;
    case "Literal":
      if (isText(node)) literals.push({ start: node.start, end: node.end, text: "" });
      break;
    case "TemplateElement":
      literals.push({ start: node.start, end: node.end, text: "" });
      break;
    default:
  }
}

function isText(node: Literal): boolean {
  return typeof node.value === "string" || node.regex !== undefined;
}

/** Adds the names that a pattern binds or assigns. */
function namesIn(pattern: AnyNode, names: Set<string>): void {
  switch (pattern.type) {
    case "Identifier":
      names.add(pattern.name);
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        namesIn(property.type === "RestElement" ? property.argument : property.value, names);
      }
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) if (element !== null) namesIn(element, names);
      break;
    case "RestElement":
      namesIn(pattern.argument, names);
      break;
    case "AssignmentPattern":
      namesIn(pattern.left, names);
      break;
    default:
  }
}

/** Names bound at the top by `const`, `class` and `function`. */
function constantsOf(program: { body: AnyNode[] }): Set<string> {
  const names = new Set([DEFAULT]);
  for (const statement of program.body) {
    const declaration =
      statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration"
        ? statement.declaration
        : statement;
    if (declaration?.type === "VariableDeclaration") {
      if (declaration.kind !== "const") continue;
      for (const { id } of declaration.declarations) namesIn(id, names);
    } else if (
      declaration?.type === "FunctionDeclaration" ||
      declaration?.type === "ClassDeclaration"
    ) {
      if (declaration.id !== null) names.add(declaration.id.name);
    }
  }
  return names;
}

interface Context {
  source: string;
  module: ModuleText;
  edits: Edit[];
  /** Exports a binding of this module under a name. */
  own(name: string, local: string): void;
}

/** Takes an import statement out of the text and notes what it wants. */
function imports(statement: AnyNode, { source, module, edits }: Context): void {
  if (statement.type !== "ImportDeclaration") {
    // In the order of the text, with those that only pass on.
    if ("source" in statement && statement.source) specifierOf(statement.source as Literal, module);
    return;
  }
  const specifier = specifierOf(statement.source, module);
  for (const one of statement.specifiers) {
    let imported = "*";
    if (one.type === "ImportSpecifier") imported = nameOf(one.imported);
    if (one.type === "ImportDefaultSpecifier") imported = "default";
    module.imports.push({ specifier, imported, local: one.local.name });
  }
  edits.push(blank(source, statement.start, statement.end));
}

/** Makes an export statement a plain one and notes what it gives. */
function exports(statement: AnyNode, context: Context): void {
  const { source, module, edits } = context;
  if (statement.type === "ExportNamedDeclaration") exportNamed(statement, context);
  else if (statement.type === "ExportDefaultDeclaration") exportDefault(statement, context);
  else if (statement.type === "ExportAllDeclaration") {
    const specifier = specifierOf(statement.source, module);
    const { exported } = statement;
    if (!exported) module.stars.push(specifier);
    else module.exports.push({ name: nameOf(exported), specifier, imported: "*", constant: false });
    edits.push(blank(source, statement.start, statement.end));
  }
}

function exportNamed(
  statement: AnyNode & { type: "ExportNamedDeclaration" },
  context: Context,
): void {
  const { source, module, edits, own } = context;
  const { declaration } = statement;
  if (declaration !== null && declaration !== undefined) {
    const names = new Set<string>();
    if (declaration.type === "VariableDeclaration") {
      for (const { id } of declaration.declarations) namesIn(id, names);
    } else names.add(declaration.id.name);
    for (const name of names) own(name, name);
    edits.push(blank(source, statement.start, declaration.start));
    return;
  }
  const specifier = statement.source ? specifierOf(statement.source, module) : undefined;
  for (const { local, exported } of statement.specifiers) {
    const name = nameOf(exported);
    if (specifier === undefined) own(name, nameOf(local));
    else module.exports.push({ name, specifier, imported: nameOf(local), constant: false });
  }
  edits.push(blank(source, statement.start, statement.end));
}

function exportDefault(
  statement: AnyNode & { type: "ExportDefaultDeclaration" },
  { edits, own }: Context,
): void {
  const { declaration, start, end } = statement;
  const declares =
    declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration";
  const id: Identifier | null | undefined = declares ? declaration.id : undefined;
  if (id) {
    own("default", id.name);
    edits.push({ start, end: declaration.start, text: "" });
    return;
  }
  own("default", DEFAULT);
  // In parentheses, so that what follows cannot be taken for a call.
  edits.push({ start, end: declaration.start, text: `const ${DEFAULT} = (` });
  edits.push({ start: declaration.end, end, text: ");" });
}

function nameOf(node: Identifier | Literal): string {
  return node.type === "Identifier" ? node.name : String(node.value);
}

function specifierOf(node: Literal, module: ModuleText): string {
  const specifier = String(node.value);
  if (!module.specifiers.includes(specifier)) module.specifiers.push(specifier);
  return specifier;
}

/** Takes a stretch out and leaves its lines. */
function blank(source: string, start: number, end: number): Edit {
  return { start, end, text: source.slice(start, end).replaceAll(/[^\n\r\u2028\u2029]+/g, " ") };
}

/** What the compartment would take for an `import()` or an HTML comment. */
function spelledAnew(source: string, literals: readonly Edit[], tokens: readonly Token[]): Edit[] {
  const edits: Edit[] = [];
  for (const { start, end } of literals) {
    const raw = source.slice(start, end);
    const text = raw
      .replaceAll(/(?<![\\\w.])import(?=\s*(?:\(|\/[/*]))/g, "\\u0069mport")
      .replaceAll("<!--", "\\u003c!--")
      .replaceAll("-->", "--\\u003e");
    if (text !== raw) edits.push({ start, end, text });
  }
  for (const [index, { start, end }] of tokens.entries()) {
    const next = tokens[index + 1];
    const arrow = source.slice(start, next?.end ?? end).startsWith("-->");
    if (arrow && next?.start === end) edits.push({ start: end, end, text: " " });
  }
  return edits;
}

/** Edits do not overlap, but for literals inside of what was taken out. */
function applied(source: string, edits: Edit[]): string {
  edits.sort((a, b) => a.start - b.start || b.end - a.end);
  let text = "";
  let at = 0;
  for (const edit of edits) {
    if (edit.start < at) continue;
    text += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + source.slice(at);
}
