/** Each rule is seen failing: a fixture that breaks it, and one beside it that does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeMap } from "./tidy/code-map.ts";
import { documented } from "./tidy/documented.ts";
import { REFERENCE, definedFaults, faultReference, faults } from "./tidy/faults.ts";
import { GUIDE, excerpts, faultTable, withFaultTable } from "./tidy/guides.ts";
import { layers } from "./tidy/layers.ts";
import { lex } from "./tidy/lexer.ts";
import { orphans } from "./tidy/orphans.ts";
import { outside } from "./tidy/outside.ts";
import { sql } from "./tidy/sql.ts";
import { doors, names, sizes, unfinished } from "./tidy/text.ts";
import { type Rule, treeOf } from "./tidy/tree.ts";

type Files = Readonly<Record<string, string>>;

const statusOf = (): number => 409;

function findings(rule: Rule, files: Files): readonly string[] {
  const tree = treeOf(Object.entries(files).map(([path, text]) => ({ path, text })));
  return [...rule(tree)].map(({ path, line, message }) => `${path}:${line} ${message}`);
}

/** The rule objects to each of these files, and to none of those. */
function holds(rule: Rule, { wrong, right }: { wrong: readonly Files[]; right: readonly Files[] }): void {
  for (const files of wrong) assert.ok(findings(rule, files).length > 0, `passes: ${JSON.stringify(files)}`);
  for (const files of right) assert.deepEqual(findings(rule, files), []);
}

void test("the lexer tells code from comments, strings, templates and regular expressions", () => {
  const { tokens, comments } = lex('a /* "x" */ = `t${b ? `u${c}` : "}"}v` + /["`/]+/g.test("//no"); // end');
  assert.deepEqual(
    tokens.map(({ kind, text }) => `${kind} ${text}`),
    [
      "word a",
      "mark =",
      'template t${b ? `u${c}` : "}"}v',
      "word b",
      "mark ?",
      "template u${c}",
      "word c",
      "mark :",
      "string }",
      "mark +",
      'regex /["`/]+/g',
      "mark .",
      "word test",
      "mark (",
      "string //no",
      "mark )",
      "mark ;",
    ],
  );
  assert.deepEqual(
    comments.map(({ text }) => text),
    ['/* "x" */', "// end"],
  );
  assert.equal(lex("(a) / b / c").tokens.filter(({ kind }) => kind === "regex").length, 0);
});

void test("layers: a part imports earlier parts, through their mod.ts", () => {
  holds(layers, {
    wrong: [
      { "kernel/src/store/a.ts": 'import { b } from "../saga/mod.ts";' },
      { "kernel/src/store/a.ts": 'import type { b } from "../saga/mod.ts";' },
      { "kernel/src/store/a.ts": 'const b = await import("../saga/mod.ts");' },
      { "kernel/src/store/mod.ts": 'export { b } from "../saga/mod.ts";' },
      { "kernel/src/saga/a.ts": 'import { b } from "../store/statement.ts";' },
      { "kernel/src/node/a.ts": 'import { b } from "../sim/mod.ts";' },
      { "kernel/src/sim/a.ts": 'import { b } from "../node/mod.ts";' },
      { "kernel/src/odd/a.ts": 'import { b } from "../std/mod.ts";' },
      { "kernel/src/node/a.ts": 'import { b } from "../../../commerce/cart/contract.ts";' },
      { "kernel/src/node/a.ts": 'import { b } from "@isomer/commerce";' },
      { "kernel/src/std/a.ts": 'import { Type } from "typebox";' },
      { "kernel/src/node/a.ts": 'import { b } from "../std/testing/manual-clock.ts";' },
    ],
    right: [
      { "kernel/src/saga/a.ts": 'import { b } from "../store/mod.ts";\nimport { c } from "./c.ts";' },
      { "kernel/src/saga/a.test.ts": 'import { b } from "../node/clock.ts";\nimport fc from "fast-check";' },
      { "kernel/src/schema/a.ts": 'import { Compile } from "typebox/compile";' },
      { "kernel/src/node/sqlite/a.ts": 'import { b } from "../../store/mod.ts";\nimport c from "node:fs";' },
    ],
  });
});

void test("layers: a service sees the contracts of others, and no more of them", () => {
  holds(layers, {
    wrong: [
      { "commerce/cart/service.ts": 'import { price } from "../pricing/domain.ts";' },
      { "commerce/cart/service.ts": 'import type { Price } from "../pricing/store.ts";' },
      { "commerce/cart/service.ts": 'import { system } from "../system.ts";' },
      { "commerce/cart/service.ts": 'import { t } from "../../kernel/src/schema/mod.ts";' },
      { "commerce/cart/service.ts": 'import { realWorld } from "@isomer/kernel/node";' },
      { "commerce/cart/service.ts": 'import { open } from "@isomer/kernel/node/sqlite";' },
      { "commerce/cart/service.ts": 'import { shop } from "../testing/shop.ts";' },
    ],
    right: [
      { "commerce/cart/service.ts": 'import { pricing } from "../pricing/contract.ts";\nimport "./store.ts";' },
      { "commerce/cart/service.ts": 'import { Money } from "../shared/mod.ts";' },
      { "commerce/cart/service.ts": 'import { t } from "@isomer/kernel/schema";' },
      { "commerce/cart/service.test.ts": 'import { shop } from "../testing/shop.ts";' },
      { "commerce/system.ts": 'import cart from "./cart/service.ts";' },
      { "commerce/run/shop.ts": 'import { runSystem } from "@isomer/kernel/node";' },
    ],
  });
});

void test("outside: only node/ and what runs on the real machine touch it", () => {
  const bad = [
    'import { readFile } from "node:fs";',
    "const now = Date.now();",
    "const now = new Date();",
    "const now = new Date;",
    "const now = Date();",
    "const chance = Math.random();",
    "setTimeout(run, 10);",
    "const text = `${Date.now()}`;",
    "process.exit(1);",
    "globalThis.setTimeout(run);",
    'console.log("x");',
    "const id = crypto.randomUUID();",
    "const signal = AbortSignal.timeout(10);",
  ];
  holds(outside, {
    wrong: bad.flatMap((text) => [{ "kernel/src/guard/a.ts": text }, { "commerce/cart/domain.ts": text }]),
    right: [
      ...bad.map((text) => ({
        "kernel/src/node/a.ts": text,
        "commerce/main.ts": text,
        "kernel/src/guard/a.test.ts": text,
      })),
      { "kernel/src/guard/a.ts": "const at = new Date(ms).toISOString(); // Date.now() stays outside" },
      {
        "kernel/src/guard/a.ts":
          'clock.setTimeout(f); const say = "Date.now()"; const { crypto } = world; crypto.sign(x);',
      },
    ],
  });
});

void test("documented: exports of the kernel say more than their names", () => {
  holds(documented, {
    wrong: [
      { "kernel/src/std/a.ts": "export const a = 1;" },
      { "kernel/src/std/a.ts": "// Not a doc comment.\nexport function a() {}" },
      { "kernel/src/std/a.ts": "/** An aggregate. */\nexport interface Aggregate {}" },
      { "kernel/src/std/a.ts": "/** Belongs to another line. */\nconst b = 1;\nexport class A {}" },
      { "kernel/src/std/a.ts": "export async function* a() {}" },
    ],
    right: [
      { "kernel/src/std/a.ts": "/** Counts up from one. */\nexport const a = 1;" },
      {
        "kernel/src/std/a.ts":
          "/** Adds them. */\n// oxlint-disable-next-line max-params -- hot\nexport function a() {}",
      },
      { "kernel/src/std/a.ts": "/** Adds them. */\nexport function a(x: 1): 1;\nexport function a(x: 2): 2;" },
      { "kernel/src/std/mod.ts": 'export { a } from "./a.ts";\nexport type { B } from "./a.ts";' },
      { "commerce/cart/domain.ts": "export const a = 1;", "kernel/src/std/a.test.ts": "export const a = 1;" },
    ],
  });
});

void test("code map: it names every folder, and only those", () => {
  const files = { "kernel/src/std/a.ts": "", "commerce/cart/domain.ts": "", "commerce/main.ts": "" };
  const map = (...rows: readonly string[]): Files => ({
    ...files,
    "ARCHITECTURE.md": ["<!-- code map -->", ...rows, "<!-- /code map -->"].join("\n"),
  });
  const [std, cart] = ["| `kernel/src/std/` | words |", "| `commerce/cart/` | carts |"] as const;
  holds(codeMap, {
    wrong: [
      files,
      map(std),
      map(std, cart, "| `commerce/gone/` | nothing |"),
      map(std, cart, cart),
      map(std, "| `commerce/cart/` |  |"),
    ],
    right: [map("| folder | what |", "|---|---|", std, cart)],
  });
  assert.match(
    findings(codeMap, map(std, cart, "| `commerce/gone/` | x |"))[0] ?? "",
    /^ARCHITECTURE.md:4 commerce\/gone/,
  );
});

const SHORT =
  '/** There is not enough. */\nexport const Short = fault("cart/short", { kind: "conflict", message: () => "No." });\n';

function withReference(files: Files): Files {
  const { defined } = definedFaults(treeOf(Object.entries(files).map(([path, text]) => ({ path, text }))).modules);
  return { ...files, [REFERENCE]: faultReference(defined, statusOf) };
}

void test("faults: codes are unique, plain, their owner's, and in the reference as they are in the code", () => {
  const good = withReference({ "commerce/cart/faults.ts": SHORT });
  const reference = good[REFERENCE] ?? "";
  assert.match(reference, /^\| `cart\/short` \| conflict \| 409 \| There is not enough\. \|$/m);
  holds(faults(statusOf), {
    wrong: [
      { "commerce/cart/faults.ts": SHORT },
      { ...good, [REFERENCE]: reference.replace("There is not enough", "Something else") },
      { ...good, "commerce/cart/faults.ts": SHORT.replace("conflict", "missing") },
      { ...good, "commerce/cart/faults.ts": "" },
      withReference({ "commerce/cart/faults.ts": SHORT, "commerce/cart/contract.ts": SHORT }),
      withReference({ "commerce/orders/faults.ts": SHORT }),
      withReference({ "kernel/src/std/a.ts": "const A = defineFault({ code: CODE, kind: 'broken', message });" }),
      withReference({ "commerce/cart/faults.ts": SHORT.replace('"conflict"', "KIND") }),
    ],
    right: [good, { ...good, "commerce/cart/a.test.ts": SHORT, "commerce/cart/log.ts": "log.fault(error);" }],
  });
});

void test("faults: definitions are found past type arguments, and without a comment their message is shown", () => {
  const text = `export const A: FaultType<X> = defineFault<{ f: () => X }>({
    code: "store/busy", kind: "exhausted", message: ({ n }) => \`There are \${n} waiting.\`, schema: { kind: 1 } });`;
  const { defined } = definedFaults(treeOf([{ path: "kernel/src/store/a.ts", text }]).modules);
  assert.deepEqual(
    defined.map(({ code, kind, meaning }) => [code, kind, meaning]),
    [["store/busy", "exhausted", "There are … waiting."]],
  );
});

void test("unfinished: nothing is left for later", () => {
  const [later, mend] = ["TO" + "DO", "FIX" + "ME"];
  holds(unfinished, {
    wrong: [{ "tools/a.ts": `// ${later}: finish` }, { "tools/a.ts": `/* ${mend} */` }, { "docs/a.md": `a\n${later}` }],
    right: [{ "tools/a.ts": `const currency = "${"X" + "XX"}";` }, { "docs/a.md": `Write no \`${later}\`.` }],
  });
});

void test("sql: statements take values by parameters", () => {
  holds(sql, {
    wrong: [
      { "commerce/cart/store.ts": "const q = `SELECT * FROM cart WHERE id = '${id}'`;" },
      { "kernel/src/store/a.ts": "db.exec(`\n  DELETE FROM ${table.name}`);" },
      { "commerce/cart/store.ts": 'db.exec("INSERT INTO cart VALUES (" + id + ")");' },
    ],
    right: [
      { "commerce/cart/store.ts": "const q = `SELECT ${COLUMNS} FROM cart WHERE id = ?`;" },
      { "commerce/cart/contract.ts": "const route = http(`DELETE ${path}`);" },
      { "commerce/cart/store.ts": 'const say = `Select ${name}`; const q = "SELECT 1" + " FROM cart";' },
    ],
  });
});

void test("orphans: every file is reached", () => {
  holds(orphans, {
    wrong: [
      { "kernel/src/std/alone.ts": "" },
      { "kernel/src/std/self.ts": 'import "./self.ts";' },
      { "commerce/cart/lost.ts": "", "commerce/main.ts": 'import "./cart/found.ts";' },
    ],
    right: [
      { "commerce/cart/service.ts": "", "commerce/main.ts": 'import "./cart/service.ts";' },
      { "kernel/src/node/work.ts": "", "kernel/src/node/mod.ts": 'new URL("./work.ts", import.meta.url);' },
      {
        "bench/call.ts": "",
        "commerce/testing/invariants/main.ts": "",
        "tools/tidy.ts": "",
        "kernel/src/std/a.test.ts": "",
      },
    ],
  });
});

void test("names: files in kebab-case that say what is in them, exports by name", () => {
  holds(names, {
    wrong: [
      { "kernel/src/std/manualClock.ts": "" },
      { "kernel/src/std/utils.ts": "" },
      { "commerce/cart/helpers.ts": "" },
      { "kernel/src/std/mod.ts": 'export * from "./a.ts";' },
      { "kernel/src/std/a.ts": "export default 1;" },
      { "commerce/cart/store.ts": "export default 1;" },
    ],
    right: [
      { "kernel/src/std/manual-clock.test.ts": "", "commerce/testing/journey.long.ts": "" },
      { "commerce/cart/service.ts": "export default implement(cart, {});" },
    ],
  });
});

void test("doors: each part has a mod.ts that lists names", () => {
  holds(doors, {
    wrong: [
      { "kernel/src/std/a.ts": "" },
      { "kernel/src/std/mod.ts": "export const a = 1;" },
      { "kernel/src/std/mod.ts": "/** x */\nexport type A = 1;" },
    ],
    right: [{ "kernel/src/std/a.ts": "", "kernel/src/std/mod.ts": 'export { a, type B } from "./a.ts";' }],
  });
});

void test("sizes: files stay short", () => {
  const lines = (count: number): string => "\n".repeat(count);
  holds(sizes, {
    wrong: [
      { "kernel/src/std/a.ts": lines(401) },
      { "kernel/src/std/a.test.ts": lines(601) },
      { "README.md": lines(401) },
    ],
    right: [
      { "kernel/src/std/a.ts": lines(400), "kernel/src/std/a.test.ts": lines(600) },
      { "docs/reference/faults.md": lines(900), "commerce/seed/data/products.ts": lines(900) },
    ],
  });
});

void test("excerpts: the simulation's guide shows code of the examples, line for line", () => {
  const code = { "examples/a/b.ts": "before();\nif (it) {\n  runs();\n}\n" };
  const guide = (block: string) => ({ ...code, [GUIDE]: `Text.\n\n\`\`\`ts\n${block}\`\`\`\n` });
  holds(excerpts, {
    wrong: [guide("if (it) {\n  walks();\n}\n"), guide("run\n"), guide("if (it) {\n}\n"), guide("uns();\n")],
    right: [
      guide("if (it) {\n  runs();\n}\n"),
      guide("  runs();\n"),
      guide("before();\n"),
      { "docs/x.md": "```ts\nx\n```" },
    ],
  });
});

void test("the guide's table of faults equals the code's", () => {
  const faults = { pause: "it stands still" };
  const empty = "# Guide\n<!-- faults -->\n<!-- /faults -->\n";
  const full = withFaultTable(empty, faults);
  assert.match(full, /\| pause \| it stands still \|\n<!-- \/faults -->\n$/);
  holds(faultTable(faults), {
    wrong: [{ [GUIDE]: empty }, { [GUIDE]: full.replace("still", "fast") }, { [GUIDE]: "no table" }],
    right: [{ [GUIDE]: full }, { "docs/x.md": "" }],
  });
});
