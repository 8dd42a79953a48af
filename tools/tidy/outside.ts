/** Only `kernel/src/node/` touches the machine: this is what lets a simulation stand in for it. */
import type { Token } from "./lexer.ts";
import { type Finding, type Module, type Rule, lineAt } from "./tree.ts";

/**
 * Code that runs on the real machine, by name: entry points and measuring. Tests do too. `sqlite` drives an engine that
 * both worlds have; the simulation's own hold on the machine is in one folder, and so are its tripwires.
 */
const REAL = [
  ...["kernel/src/node/", "kernel/src/sqlite/", "kernel/src/sim/real/", "kernel/src/sim/tripwires/"],
  ...["bench/", "tools/", "commerce/main.ts", "commerce/fleet.ts", "commerce/run/", "commerce/testing/sim/main.ts"],
  ...[
    "examples/booking/main.ts",
    "examples/booking/fleet.ts",
    "examples/booking/simulate.ts",
    "examples/python/main.ts",
  ],
];

const TIMERS = new Set(["setTimeout", "setInterval", "setImmediate"]);
const GLOBALS = new Set(["process", "globalThis", "console", "performance"]);
/** Members of globals that read the world; the globals themselves are harmless. */
const MEMBERS: Readonly<Record<string, RegExp>> = {
  Date: /^now$/,
  Math: /^random$/,
  AbortSignal: /^timeout$/,
  crypto: /^(?:randomUUID|getRandomValues|subtle)$/,
};

/** Nothing but the real world's folder uses the clock, chance, timers, the process, or `node:*`. */
export const outside: Rule = function* (tree) {
  for (const module of tree.modules) {
    if (module.isTest || REAL.some((prefix) => module.path.startsWith(prefix))) continue;
    for (const { specifier, start } of module.imports)
      if (specifier.startsWith("node:")) yield finding(module, start, `"${specifier}"`);
    for (const [index, token] of module.tokens.entries()) {
      const what = token.kind === "word" ? touches(module.tokens, index) : undefined;
      if (what !== undefined) yield finding(module, token.start, what);
    }
  }
};

function touches(tokens: readonly Token[], index: number): string | undefined {
  const word = tokens[index]?.text ?? "";
  if (tokens[index - 1]?.text === ".") return undefined;
  const [next, member, after] = [tokens[index + 1], tokens[index + 2], tokens[index + 3]];
  if (TIMERS.has(word) && next?.text === "(") return `${word}()`;
  if (word === "Date" && isEmptyDate(tokens, index)) return "the present time, by Date()";
  if (next?.text !== ".") return undefined;
  if (GLOBALS.has(word) && after !== undefined) return `${word}.${member?.text ?? ""}`;
  return MEMBERS[word]?.test(member?.text ?? "") ? `${word}.${member?.text ?? ""}` : undefined;
}

/** `new Date()`, `new Date` and `Date()`: the ones that read the clock. */
function isEmptyDate(tokens: readonly Token[], index: number): boolean {
  const isNew = tokens[index - 1]?.text === "new";
  const called = tokens[index + 1]?.text === "(";
  if (called) return tokens[index + 2]?.text === ")" || !isNew;
  return isNew;
}

function finding(module: Module, start: number, what: string): Finding {
  const message = `Uses ${what}; only kernel/src/node/ touches the machine. Take a port.`;
  return { path: module.path, line: lineAt(module, start), rule: "outside", message };
}
