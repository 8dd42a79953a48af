/** What the catalogue decides: no clock, no store, no identifiers. */
import type { Attribute, AttributeValue, NewProduct, NewVariant, Option } from "./schemas.ts";
import type { ProductState } from "./tables.ts";

/** What an editor does with a product's state. */
export type Action = "published" | "unpublished" | "archived" | "changed";

const NEXT: Readonly<Record<Exclude<Action, "changed">, Readonly<Partial<Record<ProductState, ProductState>>>>> = {
  published: { draft: "published" },
  unpublished: { published: "draft" },
  archived: { draft: "archived", published: "archived" },
};

/** The state after an action, or undefined when the state forbids it. What is archived stays as it is. */
export function nextState(status: ProductState, action: Action): ProductState | undefined {
  if (action === "changed") return status === "archived" ? undefined : status;
  return NEXT[action][status];
}

/** Something that is wrong with a product. */
export interface Problem {
  readonly field: string;
  readonly problem: string;
}

/** How many variants a product has at most. */
export const VARIANTS_MAX = 100;

/** What products are checked against. */
export interface Known {
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** The slugs of all categories that the products name and that exist. */
  readonly categories: ReadonlySet<string>;
  /** Slugs and skus in use by other products. */
  readonly slugs: ReadonlySet<string>;
  readonly skus: ReadonlySet<string>;
}

/** What is wrong with a product, apart from what its schema has checked. */
export function problemsOf(product: Readonly<NewProduct>, known: Known): Problem[] {
  const problems: Problem[] = [];
  if (known.slugs.has(product.slug)) problems.push({ field: "slug", problem: `"${product.slug}" is in use` });
  for (const category of product.categories ?? []) {
    if (!known.categories.has(category)) problems.push({ field: "categories", problem: `"${category}" is unknown` });
  }
  for (const [code, value] of Object.entries(product.attributes ?? {})) {
    const problem = attributeProblem(known.attributes.get(code), value);
    if (problem !== undefined) problems.push({ field: `attributes.${code}`, problem });
  }
  return [...problems, ...optionProblems(product.options ?? []), ...variantProblems(product, known)];
}

function attributeProblem(attribute: Attribute | undefined, value: AttributeValue): string | undefined {
  if (attribute === undefined) return "is an attribute that is not defined";
  switch (attribute.type) {
    case "number":
    case "boolean":
      return typeof value === attribute.type ? undefined : `must be a ${attribute.type}`;
    case "choice":
      if (typeof value === "string" && (attribute.choices ?? []).includes(value)) return undefined;
      return `must be one of ${(attribute.choices ?? []).slice(0, 10).join(", ")}`;
    case "text":
      return typeof value === "string" ? undefined : "must be a text";
  }
}

function optionProblems(options: readonly Option[]): Problem[] {
  const problems: Problem[] = [];
  if (new Set(options.map((option) => option.name)).size < options.length) {
    problems.push({ field: "options", problem: "has two options of one name" });
  }
  for (const { name, values } of options) {
    if (new Set(values).size < values.length) {
      problems.push({ field: `options.${name}`, problem: "lists a value twice" });
    }
  }
  return problems;
}

function variantProblems(product: Readonly<NewProduct>, known: Known): Problem[] {
  const problems: Problem[] = [];
  const skus = new Set<string>();
  const combinations = new Set<string>();
  if ((product.variants ?? []).length > VARIANTS_MAX) {
    problems.push({ field: "variants", problem: `has more than ${VARIANTS_MAX}` });
  }
  for (const variant of product.variants ?? []) {
    const field = `variants.${variant.sku}`;
    if (known.skus.has(variant.sku)) problems.push({ field, problem: "has a sku that is in use" });
    if (skus.has(variant.sku)) problems.push({ field, problem: "is listed twice" });
    skus.add(variant.sku);
    const problem = choiceProblem(product.options ?? [], variant);
    if (problem !== undefined) problems.push({ field, problem });
    const combination = combinationOf(product.options ?? [], variant.options);
    if (combinations.has(combination)) problems.push({ field, problem: "has the same options as another variant" });
    combinations.add(combination);
  }
  return problems;
}

function choiceProblem(options: readonly Option[], variant: Readonly<NewVariant>): string | undefined {
  for (const { name, values } of options) {
    const value = variant.options[name];
    if (value === undefined) return `needs a value for the option ${name}`;
    if (!values.includes(value)) return `has "${value}" for ${name}, which is not among its values`;
  }
  const extra = Object.keys(variant.options).find((name) => !options.some((option) => option.name === name));
  return extra === undefined ? undefined : `has a value for ${extra}, which is no option of the product`;
}

/** The values of a variant in the order of the product's options: two variants of one product differ in it. */
export function combinationOf(options: readonly Option[], chosen: Readonly<Record<string, string>>): string {
  return JSON.stringify(options.map((option) => chosen[option.name] ?? null));
}

/** The title of a variant that has none of its own: `Moss / L`. */
export function titleOf(options: readonly Option[], variant: Readonly<NewVariant>): string {
  if (variant.title !== undefined) return variant.title;
  return options
    .map((option) => variant.options[option.name] ?? "")
    .join(" / ")
    .slice(0, 200);
}

/** A problem with the row that has it. */
export interface RowProblem extends Problem {
  readonly row: number;
  readonly slug: string;
}

/** What is wrong with a batch of new products, also between its rows. */
export function batchProblems(products: readonly Readonly<NewProduct>[], known: Known): RowProblem[] {
  const slugs = new Set(known.slugs);
  const skus = new Set(known.skus);
  return products.flatMap((product, row) => {
    const problems = problemsOf(product, { ...known, slugs, skus });
    slugs.add(product.slug);
    for (const variant of product.variants ?? []) skus.add(variant.sku);
    return problems.map((problem) => ({ row, slug: product.slug, ...problem }));
  });
}

/** Whether a category may go under a parent: not under itself or what is in it. Paths hold the slugs from the top. */
export function mayMove(path: string, parentPath: string): boolean {
  return !parentPath.startsWith(path);
}

/** How deep the tree may be. */
export const DEPTH_MAX = 6;

/** How many categories a path has. */
export function depthOf(path: string): number {
  return path.split("/").length - 2;
}

/** The slugs of a category's path, itself last. */
export function slugsOf(path: string): string[] {
  return path.split("/").filter((slug) => slug !== "");
}
