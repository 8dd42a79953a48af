import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PRODUCT_TERMS_MAX, QUERY_TERMS_MAX, facetCode, facetsOf, queryTerms, termsOf, weighTerms } from "./terms.ts";

const tent = {
  title: "Ridge Two Tent",
  description: "A tent for two. The tent that stands; a tent, a tent, a tent in the wind.",
  brand: "Nordhang",
  options: [{ name: "Fly colour", values: ["Moss", "Rust"] }],
  attributes: { material: "ripstop nylon", seasons: 3, freestanding: true },
  skus: ["RDG-2P-MOS"],
};

describe("terms", () => {
  test("are lower case, without accents, without words that say nothing", () => {
    assert.deepEqual(termsOf("The Café  of ÅNGSTRÖM & Müller's 2-person"), [
      "cafe",
      "angstrom",
      "muller",
      "s",
      "2",
      "person",
    ]);
    assert.deepEqual(termsOf("テント 靴"), ["テント", "靴"]);
    assert.equal(termsOf("x".repeat(500))[0]?.length, 40);
  });

  test("of a question are each counted once, and not too many", () => {
    assert.deepEqual(queryTerms("tent TENT Tent two"), ["tent", "two"]);
    assert.equal(queryTerms(Array.from({ length: 50 }, (_, n) => `w${n}`).join(" ")).length, QUERY_TERMS_MAX);
  });

  test("weigh most in titles, and a description cannot shout", () => {
    const weights = weighTerms(tent);
    const of = (term: string): number => weights.get(term) ?? 0;
    assert.ok(of("tent") > of("rdg") && of("rdg") > of("nylon") && of("nylon") > of("wind"));
    assert.equal(of("tent"), of("two") + 2, "five mentions count as three");
    assert.equal(weights.has("true"), false);
    const long = {
      ...tent,
      description: Array.from({ length: 2_000 }, (_, n) => `w${n}`).join(" "),
    };
    assert.equal(weighTerms(long).size, PRODUCT_TERMS_MAX);
    assert.ok(weighTerms(long).has("tent"), "what is cut off is what says least");
  });
});

test("facets are the attributes marked so, and the options", () => {
  assert.equal(facetCode("Fly colour"), "fly-colour");
  assert.deepEqual(facetsOf(tent, new Set(["seasons", "unknown"])), [
    { code: "seasons", value: "3" },
    { code: "fly-colour", value: "Moss" },
    { code: "fly-colour", value: "Rust" },
  ]);
});
