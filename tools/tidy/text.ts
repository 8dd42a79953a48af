/** Rules about names, sizes and what stands in the text. */
import { posix } from "node:path";
import { type Rule, type SourceFile, lineAt } from "./tree.ts";

const LINES_MAX = 400;
const TEST_LINES_MAX = 600;
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:sim\.)?(?:test|long))?\.ts$/;
const VAGUE = /^(?:utils?|helpers?|common|misc|types-all)(?:\.test)?\.ts$/;
const LATER = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
/** What is a table of data, not code that anyone reads from top to bottom. */
const DATA = /^commerce\/seed\/data\//;

/** Files have names that say what is in them; names are exported one by one. */
export const names: Rule = function* (tree) {
  const rule = "names";
  for (const module of tree.modules) {
    const { path, tokens } = module;
    const name = posix.basename(path);
    if (!KEBAB.test(name)) yield { path, line: 1, rule, message: `Write the name of a file in kebab-case.` };
    if (VAGUE.test(name)) yield { path, line: 1, rule, message: `"${name}" says nothing. Name what is in it.` };
    for (const [index, { text, kind, start }] of tokens.entries()) {
      if (text !== "export" || kind !== "word") continue;
      const next = tokens[index + 1]?.text;
      const line = lineAt(module, start);
      if (next === "*") yield { path, line, rule, message: "List the names: `export *` hides what is public." };
      if (next === "default" && !/^commerce\/[^/]+\/service\.ts$/.test(path))
        yield { path, line, rule, message: "Export by name; only a service's service.ts has a default." };
    }
  }
};

/** A part's mod.ts lists its names, and does nothing else. */
export const doors: Rule = function* (tree) {
  const rule = "doors";
  const parts = new Set<string>();
  for (const module of tree.modules) {
    const { path, tokens } = module;
    const part = /^kernel\/src\/[^/]+(?=\/)/.exec(path)?.[0];
    if (part !== undefined) parts.add(part);
    if (!path.startsWith("kernel/src/") || !path.endsWith("/mod.ts")) continue;
    for (const [index, { text, kind, start, depth }] of tokens.entries()) {
      if (depth > 0 || text !== "export" || kind !== "word") continue;
      const next = tokens[index + 1]?.text;
      const after = tokens[index + 2]?.text;
      if (next === "{" || next === "*" || (next === "type" && after === "{")) continue;
      yield {
        path,
        line: lineAt(module, start),
        rule,
        message: "A mod.ts lists names; define them in a file of their own.",
      };
    }
  }
  const paths = new Set(tree.modules.map(({ path }) => path));
  for (const part of parts)
    if (!paths.has(`${part}/mod.ts`))
      yield { path: `${part}/mod.ts`, line: 1, rule, message: "The part has no mod.ts." };
};

/** Files are short enough to be read. */
export const sizes: Rule = function* (tree) {
  for (const { path, text } of tree.files) {
    if (DATA.test(path) || path.startsWith("docs/reference/")) continue;
    const max = /\.(?:test|long)\.ts$|\/testing\//.test(path) ? TEST_LINES_MAX : LINES_MAX;
    const lines = text.split("\n").length - 1;
    if (lines > max) yield { path, line: max + 1, rule: "sizes", message: `Has ${lines} lines; ${max} are the most.` };
  }
};

/** Nothing is left for later in the code: what is missing is an issue. */
export const unfinished: Rule = function* (tree) {
  const rule = "unfinished";
  const message = "Finish it, or make an issue of it.";
  for (const module of tree.modules)
    for (const { text, start } of module.comments)
      if (LATER.test(text)) yield { path: module.path, line: lineAt(module, start), rule, message };
  for (const file of tree.files) {
    if (file.path.endsWith(".ts")) continue;
    const found = LATER.exec(withoutCodeSpans(file));
    if (found !== null) yield { path: file.path, line: lineAt(file, found.index), rule, message };
  }
};

function withoutCodeSpans({ path, text }: SourceFile): string {
  return path.endsWith(".md") ? text.replaceAll(/`[^`\n]*`/g, (span) => " ".repeat(span.length)) : text;
}
