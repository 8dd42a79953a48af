/** The faults of the catalogue's contract. */
import { fault } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Sku } from "../shared/mod.ts";

const name = t.text({ maxLength: 200 });

/** There is no such product, or it is not shown to the caller. */
export const NoProduct = fault("catalog/no-product", {
  kind: "missing",
  data: t.object({ product: name }),
  message: ({ product }) => `There is no product "${product}".`,
});

/** There is no such variant. */
export const NoVariant = fault("catalog/no-variant", {
  kind: "missing",
  data: t.object({ sku: Sku }),
  message: ({ sku }) => `There is no variant ${sku}.`,
});

/** There is no such category. */
export const NoCategory = fault("catalog/no-category", {
  kind: "missing",
  data: t.object({ category: name }),
  message: ({ category }) => `There is no category "${category}".`,
});

/** Somebody changed it since it was read. Read it again, then decide. */
export const VersionConflict = fault("catalog/version-conflict", {
  kind: "conflict",
  data: t.object({ expected: t.integer(), actual: t.integer() }),
  message: ({ expected, actual }) => `You changed version ${expected}, but it is at ${actual} now. Read it again.`,
});

/** A slug, sku or name is in use. */
export const Taken = fault("catalog/taken", {
  kind: "conflict",
  data: t.object({ field: name, value: name }),
  message: ({ field, value }) => `The ${field} "${value}" is in use. Choose another.`,
});

/** The product's state does not allow this. */
export const WrongState = fault("catalog/wrong-state", {
  kind: "conflict",
  data: t.object({ status: name, action: name }),
  message: ({ status, action }) => `The product is ${status}: it cannot be ${action}.`,
});

/** A product without variants has nothing to sell. */
export const NothingToSell = fault("catalog/nothing-to-sell", {
  kind: "conflict",
  data: t.object({ product: name }),
  message: ({ product }) => `The product "${product}" has no active variant. Add one, then publish.`,
});

/** A category has products or other categories in it, or would be in itself. */
export const CategoryInUse = fault("catalog/category-in-use", {
  kind: "conflict",
  data: t.object({ category: name, problem: name }),
  message: ({ category, problem }) => `The category "${category}" ${problem}.`,
});

/** How many problems an import lists. */
export const PROBLEMS_MAX = 100;

/** What is wrong with products, row by row. Nothing was changed. */
export const BadProducts = fault("catalog/bad-products", {
  kind: "invalid",
  data: t.object({
    problems: t.array(
      t.object({
        row: t.integer({ description: "Which of the products, from 0." }),
        slug: name,
        field: name,
        problem: t.text({ maxLength: 400 }),
      }),
      { maxItems: PROBLEMS_MAX },
    ),
  }),
  message: ({ problems }) => {
    const first = problems[0];
    const more = problems.length > 1 ? ` And ${problems.length - 1} more.` : "";
    return first === undefined
      ? "The products do not fit."
      : `Product ${first.row} (${first.slug}): ${first.field} ${first.problem}.${more} Nothing was changed.`;
  },
});
