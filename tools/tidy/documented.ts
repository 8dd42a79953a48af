/** Every exported name of the kernel says what it is for. */
import { type Module, type Rule, commentBefore, lineAt } from "./tree.ts";

const DECLARES = new Set(["function", "class", "interface", "type", "const", "let", "abstract", "async", "declare"]);
const QUALIFIES = new Set(["abstract", "async", "declare"]);
const ARTICLES = new Set(["a", "an", "the"]);

/** Each `export` of a declaration in `kernel/src` stands under a doc comment that says more than its name. */
export const documented: Rule = function* (tree) {
  for (const module of tree.modules) {
    if (!module.path.startsWith("kernel/src/") || module.path.endsWith(".test.ts")) continue;
    const seen = new Set<string>();
    for (const [index, { text, kind, start }] of module.tokens.entries()) {
      if (text !== "export" || kind !== "word" || !DECLARES.has(module.tokens[index + 1]?.text ?? "")) continue;
      const name = nameAfter(module, index);
      if (name === "{") continue;
      // Overloads follow their first form, and a type may share the name of the value above it.
      if (!seen.has(name) && !isDocumented(module, start, name)) {
        const message = `"${name}" has no doc comment that says more than its name.`;
        yield { path: module.path, line: lineAt(module, start), rule: "documented", message };
      }
      seen.add(name);
    }
  }
};

function nameAfter(module: Module, index: number): string {
  let at = index + 1;
  while (QUALIFIES.has(module.tokens[at]?.text ?? "")) at += 1;
  at += 1;
  if (module.tokens[at]?.text === "*") at += 1;
  return module.tokens[at]?.text ?? "";
}

function isDocumented(module: Module, start: number, name: string): boolean {
  const comment = commentBefore(module, start)?.text ?? "";
  if (!comment.startsWith("/**")) return false;
  const words = comment.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.some((word) => !ARTICLES.has(word) && !name.toLowerCase().includes(word));
}
