/** The command that compares contracts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { anyone, contract, query, snapshotOf } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { contractDiff, readSnapshots, snapshotText, writeSnapshots } from "./mod.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-contracts-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const catalog = (input: Parameters<typeof query>[0]["input"]) =>
  snapshotOf(
    contract("catalog", {
      version: "1.0.0",
      queries: { find: query({ input, output: t.object({}), allow: [anyone] }) },
    }),
  );
const one = catalog(t.object({ name: t.text() }));
const wider = catalog(t.object({ name: t.text(), limit: t.optional(t.integer()) }));
const other = catalog(t.object({ text: t.text() }));
const at = (name: string, snapshot = one) => {
  writeSnapshots(join(folder, name), [snapshot]);
  return join(folder, name);
};

void test("ends with 0, 1 or 2, for folders and for files", () => {
  const [old, same, more, broken] = [at("old"), at("same"), at("more", wider), at("broken", other)];
  assert.equal(contractDiff([old, same]).exitCode, 0);
  assert.equal(contractDiff([old, more]).exitCode, 1);
  assert.match(contractDiff([old, more]).text, /catalog before its users/);
  assert.equal(contractDiff([old, broken]).exitCode, 2);
  assert.equal(contractDiff([join(old, "catalog.json"), join(more, "catalog.json")]).exitCode, 1);
});

void test("tells the same as data", () => {
  const { exitCode, text } = contractDiff([at("old"), at("more", wider), "--json"]);
  assert.equal(exitCode, 1);
  const { verdict, precedences } = JSON.parse(text) as { verdict: string; precedences: unknown };
  assert.equal(verdict, "ordered");
  assert.deepEqual(precedences, [{ first: "catalog", second: "its users", because: ["catalog.find"] }]);
});

void test("says what is wrong with how it was called", () => {
  for (const words of [[], ["a"], ["a", "b", "c"], ["a", "b", "--xml"], [folder, join(folder, "nowhere")]])
    assert.equal(contractDiff(words).exitCode, 64);
  assert.match(contractDiff(["a", "b", "--xml"]).text, /no option --xml/);
});

void test("snapshots are read as they were written, and those of contracts that are gone are removed", () => {
  const place = at("kept", wider);
  assert.deepEqual(readSnapshots(place), [wider]);
  writeSnapshots(place, [{ ...one, name: "stock" }]);
  assert.deepEqual(
    readSnapshots(place).map(({ name }) => name),
    ["stock"],
  );
  assert.equal(
    snapshotText(one)
      .split("\n")
      .filter((line) => line.includes('"input"')).length,
    1,
  );
});
