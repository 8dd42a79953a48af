/** The words that products are found by. Pure: the same for what is indexed and what is asked. */
import type { AttributeValue, Option } from "./schemas.ts";

/** How long a word of the index is at most; longer ones are cut. */
const TERM_LENGTH_MAX = 40;
/** How many words of a question count. */
export const QUERY_TERMS_MAX = 8;
/** How many words a product is found by at most. */
export const PRODUCT_TERMS_MAX = 400;

const WEIGHTS = { title: 12, sku: 10, brand: 6, attribute: 4, option: 4, description: 1 } as const;
/** A word that a description repeats counts this often at most. */
const DESCRIPTION_COUNT_MAX = 3;

const STOP = new Set("a an and as at by for from in is it its of on or the to with you your".split(" "));
const WORD = /[\p{L}\p{N}]+/gu;
const MARKS = /\p{M}/gu;

/** The words of a text: lower case, without accents, without those that every text has. */
export function termsOf(text: string): string[] {
  const plain = text.normalize("NFKD").replace(MARKS, "").toLowerCase();
  return [...plain.matchAll(WORD)].map(([word]) => word.slice(0, TERM_LENGTH_MAX)).filter((word) => !STOP.has(word));
}

/** The words of a question, each once. */
export function queryTerms(text: string): string[] {
  return [...new Set(termsOf(text))].slice(0, QUERY_TERMS_MAX);
}

/** What of a product is searched. */
export interface Searchable {
  readonly title: string;
  readonly description: string;
  readonly brand: string;
  readonly options: readonly Option[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly skus: readonly string[];
}

/** The words that a product is found by, and how much each says about it. */
export function weighTerms(product: Searchable): Map<string, number> {
  const weights = new Map<string, number>();
  const atLeast = (text: string, weight: number): void => {
    for (const term of termsOf(text)) weights.set(term, Math.max(weights.get(term) ?? 0, weight));
  };
  atLeast(product.title, WEIGHTS.title);
  atLeast(product.brand, WEIGHTS.brand);
  for (const sku of product.skus) atLeast(sku, WEIGHTS.sku);
  for (const option of product.options) for (const value of option.values) atLeast(value, WEIGHTS.option);
  for (const value of Object.values(product.attributes)) {
    if (typeof value !== "boolean") atLeast(String(value), WEIGHTS.attribute);
  }
  addDescription(weights, product.description);
  return new Map([...weights].toSorted(([, a], [, b]) => b - a).slice(0, PRODUCT_TERMS_MAX));
}

function addDescription(weights: Map<string, number>, description: string): void {
  const counts = new Map<string, number>();
  for (const term of termsOf(description)) counts.set(term, (counts.get(term) ?? 0) + 1);
  for (const [term, count] of counts) {
    const extra = Math.min(count, DESCRIPTION_COUNT_MAX) * WEIGHTS.description;
    weights.set(term, (weights.get(term) ?? 0) + extra);
  }
}

/** The code that an option is a facet by: `Frame size` is `frame-size`. */
export function facetCode(optionName: string): string {
  return termsOf(optionName).join("-");
}

/** The facets of a product: values of its attributes that are facets, and of its options. */
export function facetsOf(
  product: Pick<Searchable, "options" | "attributes">,
  facetAttributes: ReadonlySet<string>,
): { code: string; value: string }[] {
  const facets = new Map<string, { code: string; value: string }>();
  const add = (code: string, value: string): void => {
    if (code !== "") facets.set(`${code}:${value}`, { code, value });
  };
  for (const [code, value] of Object.entries(product.attributes)) {
    if (facetAttributes.has(code)) add(code, String(value));
  }
  for (const option of product.options) for (const value of option.values) add(facetCode(option.name), value);
  return [...facets.values()];
}
