/** SQL takes values by parameters. A template may only put in constants, which are in capitals. */
import { type Rule, lineAt } from "./tree.ts";

/** How statements begin. `DELETE /path` is a route. */
const SQL = /^\s*(?:SELECT|INSERT\s+(?:INTO|OR)|UPDATE|DELETE\s+FROM|CREATE|WITH|ALTER|DROP)\s/;
const CONSTANT = /^[A-Z][A-Z0-9_]*$/;

/** No statement is put together from values. */
export const sql: Rule = function* (tree) {
  for (const module of tree.modules) {
    if (module.isTest || module.path.startsWith("bench/")) continue;
    for (const [index, { kind, text, start, holes }] of module.tokens.entries()) {
      const joined =
        kind === "string" && module.tokens[index + 1]?.text === "+" && isValue(module.tokens[index + 2]?.kind);
      const filled = kind === "template" && holes.some((hole) => !CONSTANT.test(hole.trim()));
      if (!(joined || filled) || !SQL.test(text)) continue;
      const message = "SQL from a template or a sum invites injection. Use parameters, or Kysely.";
      yield { path: module.path, line: lineAt(module, start), rule: "sql", message };
    }
  }
};

function isValue(kind: string | undefined): boolean {
  return kind === "word" || kind === "template";
}
