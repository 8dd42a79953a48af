/**
 * The search: an inverted index in the catalogue's own database, in SQL that both engines speak. Every word of a
 * question must begin a word of the product; a whole word counts double; products with more weight come first.
 */
import type { Reader } from "@isomer/kernel/store";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { endOf } from "./categories.ts";
import { slugsOf } from "./domain.ts";
import { allAttributes, allCategories, categoriesOfAll, facetCounts, productsById } from "./store.ts";
import type { ProductRow, Tables } from "./tables.ts";
import { queryTerms } from "./terms.ts";
import { cards, findCategory } from "./views.ts";

type Db = Reader<Tables>;
type Builder = Parameters<Parameters<Db["query"]>[0]>[0];

/** What is asked for. */
export interface SearchInput {
  readonly q?: string | undefined;
  readonly category?: string | undefined;
  readonly filter?: readonly string[] | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** What is looked for, read from the input. */
interface Wanted {
  readonly terms: readonly string[];
  /** The category's path. */
  readonly path: string | undefined;
  /** Code to values, of which one must hold. */
  readonly facets: ReadonlyMap<string, readonly string[]>;
  /** Whether there was no question, which finds all; one of words that say nothing finds nothing. */
  readonly isOpen: boolean;
}

/** Sorts after every word that begins with what is before it: the last character of Unicode's first plane. */
const AFTER = "\uffff";
/** How many products a search finds at most, the best first: nobody pages further, and facets count these. */
export const MATCHES_MAX = 2_000;
const FACET_VALUES_MAX = 50;
const FACETS_MAX = 50;

interface Match {
  readonly id: string;
  readonly score: number;
}

/** Finds products and counts their facets. */
export async function search(db: Db, input: SearchInput) {
  const limit = input.limit ?? PAGE_LIMIT;
  const matches = await ranked(db, {
    terms: queryTerms(input.q ?? ""),
    path: input.category === undefined ? undefined : (await findCategory(db, input.category)).path,
    facets: facetsWanted(input.filter ?? []),
    isOpen: input.q === undefined,
  });
  const from = input.cursor === undefined ? 0 : after(matches, input.cursor);
  const page = pageFrom(matches.slice(from, from + limit + 1), limit, (match) => [match.score, match.id]);
  const rows = new Map((await productsById(db, idsOf(page.items))).map((row) => [row.id, row]));
  const found = page.items.map((match) => rows.get(match.id)).filter((row): row is ProductRow => row !== undefined);
  const ids = idsOf(matches);
  return {
    ...page,
    items: await cards(db, found),
    total: matches.length,
    facets: { categories: await countCategories(db, ids), attributes: await countFacets(db, ids) },
  };
}

const idsOf = (matches: readonly Match[]): string[] => matches.map((match) => match.id);

/** Where the page after a cursor begins. The products may have changed meanwhile: it need not be among them. */
function after(matches: readonly Match[], cursor: string): number {
  const [score, id] = decodeCursor(cursor, ["number", "string"]);
  const at = matches.findIndex((match) => match.score < score || (match.score === score && match.id < id));
  return at === -1 ? matches.length : at;
}

function facetsWanted(filters: readonly string[]): Map<string, string[]> {
  const facets = new Map<string, string[]>();
  for (const filter of filters) {
    const at = filter.indexOf(":");
    const code = filter.slice(0, at);
    facets.set(code, [...(facets.get(code) ?? []), filter.slice(at + 1)]);
  }
  return facets;
}

/** The ids of what is found, with scores. */
function matching(builder: Builder, { terms, path, facets }: Wanted) {
  let find = builder
    .selectFrom(scored(builder, terms).as("s"))
    .innerJoin("product", "product.id", "s.product_id")
    .select(["product.id as id", "s.score as score"])
    .where("product.status", "=", "published");
  if (path !== undefined) {
    find = find.where("product.id", "in", (eb) =>
      eb
        .selectFrom("product_category")
        .innerJoin("category", "category.id", "product_category.category_id")
        .select("product_category.product_id")
        .where("category.path", ">=", path)
        .where("category.path", "<", endOf(path)),
    );
  }
  for (const [code, values] of facets) {
    find = find.where("product.id", "in", (eb) =>
      eb.selectFrom("search_facet").select("product_id").where("code", "=", code).where("value", "in", values),
    );
  }
  return find;
}

/** Products that have all words, with the sum of what each word says about them; all products when there are none. */
function scored(builder: Builder, terms: readonly string[]): ReturnType<typeof scoredBy> {
  const [first, ...others] = terms;
  if (first !== undefined) return scoredBy(builder, first, others);
  // Of the same rows, but from another table, which Kysely's types tell apart.
  return builder
    .selectFrom("product")
    .select((eb) => ["id as product_id", eb.lit(0).as("score")]) as unknown as ReturnType<typeof scoredBy>;
}

function scoredBy(builder: Builder, first: string, others: readonly string[]) {
  const hits = others.reduce((all, term) => all.unionAll(hitsOf(builder, term)), hitsOf(builder, first));
  return builder
    .selectFrom(hits.as("h"))
    .select((eb) => ["h.product_id", eb.fn.sum<number>("h.score").as("score")])
    .groupBy("h.product_id")
    .having((eb) => eb(eb.fn.countAll(), "=", others.length + 1));
}

function hitsOf(builder: Builder, term: string) {
  // A single letter begins too many words to mean one: it must be the word.
  const end = term.length === 1 ? term : term + AFTER;
  return builder
    .selectFrom("search_term")
    .select((eb) => [
      "product_id",
      eb.fn.max(eb("weight", "*", eb.case().when("term", "=", term).then(2).else(1).end())).as("score"),
    ])
    .where("term", ">=", term)
    .where("term", "<=", end)
    .groupBy("product_id");
}

async function ranked(db: Db, wanted: Wanted): Promise<Match[]> {
  if (!wanted.isOpen && wanted.terms.length === 0) return [];
  const rows = await db.query((builder) =>
    matching(builder, wanted).orderBy("s.score", "desc").orderBy("product.id", "desc").limit(MATCHES_MAX),
  );
  return rows.map((row) => ({ id: row.id, score: Number(row.score) }));
}

/** How many products each category has, with all below it. A product in two categories of a parent counts once there. */
async function countCategories(db: Db, ids: readonly string[]) {
  const inside = new Map<string, Set<string>>();
  for (const row of await categoriesOfAll(db, ids)) {
    for (const slug of slugsOf(row.path)) {
      const products = inside.get(slug);
      if (products === undefined) inside.set(slug, new Set([row.product_id]));
      else products.add(row.product_id);
    }
  }
  const names = new Map((await db.all(allCategories, {})).map((row) => [row.slug, row.name]));
  return [...inside]
    .map(([slug, products]) => ({ slug, name: names.get(slug) ?? slug, count: products.size }))
    .toSorted((a, b) => b.count - a.count || (a.slug < b.slug ? -1 : 1))
    .slice(0, FACETS_MAX);
}

async function countFacets(db: Db, ids: readonly string[]) {
  const byCode = Map.groupBy(await facetCounts(db, ids), (row) => row.code);
  const names = new Map((await db.all(allAttributes, {})).map((row) => [row.code, row.name]));
  return [...byCode].slice(0, FACETS_MAX).map(([code, values]) => ({
    code,
    name: names.get(code) ?? nameOf(code),
    values: values.slice(0, FACET_VALUES_MAX).map(({ value, count }) => ({ value, count: Number(count) })),
  }));
}

/** The name of an option's facet: `frame-size` is "Frame size". */
function nameOf(code: string): string {
  return code.charAt(0).toUpperCase() + code.slice(1).replaceAll("-", " ");
}
