/** Every file is reached from somewhere: what nothing imports is dead. */
import type { Rule } from "./tree.ts";

/** What people, npm, other packages, or benchmarks and tests (as processes) open directly. */
const ENTRY =
  /^bench\/|^tools\/[^/]+\.ts$|^(?:commerce\/(?:(?:.+\/)?main|fleet)|examples\/[^/]+\/(?:main|fleet|simulate))\.ts$|^kernel\/src\/.+\/mod\.ts$|\/testing\/[a-z-]+-main\.ts$|\.(?:test|long)\.ts$/;

/** Each file is an entry or is imported by another. */
export const orphans: Rule = function* (tree) {
  const reached = new Set<string | undefined>();
  for (const { path, imports } of tree.modules)
    for (const { target } of imports) if (target !== path) reached.add(target);
  for (const { path } of tree.modules) {
    if (ENTRY.test(path) || reached.has(path)) continue;
    yield { path, line: 1, rule: "orphans", message: "Nothing imports this file. Use it or delete it." };
  }
};
