/** How the category tree and the attributes change. */
import { CategoryInUse, NoCategory, Taken, VersionConflict } from "./contract.ts";
import { DEPTH_MAX, depthOf, mayMove } from "./domain.ts";
import type { CatalogTx } from "./indexing.ts";
import type { Around } from "./products.ts";
import { attributeView, categoryView } from "./rows.ts";
import type { Attribute, Category } from "./schemas.ts";
import { categoryByRef } from "./store.ts";
import type { CategoryRow } from "./tables.ts";

interface CategoryFields {
  readonly slug?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** Slug or id; null for the top. */
  readonly parent?: string | null | undefined;
  readonly position?: number | undefined;
}

/** Adds a category at the top or under a parent. */
export async function createCategory(
  tx: CatalogTx,
  input: CategoryFields & { readonly slug: string; readonly name: string },
  { ids }: Around,
): Promise<Category> {
  await mustBeFree(tx, input.slug);
  const parent = input.parent === undefined || input.parent === null ? undefined : await find(tx, input.parent);
  const row: CategoryRow = {
    id: ids.next(),
    slug: input.slug,
    name: input.name,
    description: input.description ?? "",
    parent_id: parent?.id ?? null,
    position: input.position ?? 0,
    path: pathUnder(parent, input.slug),
    version: 1,
  };
  mustFit(row.path, input.slug);
  await tx.change((db) => db.insertInto("category").values(row));
  return categoryView(row);
}

/** Changes a category, and moves all that is in it along with its slug or parent. */
export async function updateCategory(
  tx: CatalogTx,
  input: CategoryFields & { readonly id: string; readonly version: number },
): Promise<Category> {
  const row = await find(tx, input.id);
  if (row.version !== input.version) throw VersionConflict.with({ expected: input.version, actual: row.version });
  if (input.slug !== undefined && input.slug !== row.slug) await mustBeFree(tx, input.slug);
  const parent = await parentOf(tx, row, input.parent);
  if (parent !== undefined && !mayMove(row.path, parent.path)) {
    throw CategoryInUse.with({
      category: row.slug,
      problem: `cannot be moved into "${parent.slug}", which is in it`,
    });
  }
  const slug = input.slug ?? row.slug;
  const next: CategoryRow = {
    ...row,
    slug,
    name: input.name ?? row.name,
    description: input.description ?? row.description,
    position: input.position ?? row.position,
    parent_id: parent?.id ?? null,
    path: pathUnder(parent, slug),
    version: row.version + 1,
  };
  await moveSubtree(tx, row, next.path);
  const { id, ...values } = next;
  await tx.change((db) => db.updateTable("category").set(values).where("id", "=", id));
  return categoryView(next);
}

async function parentOf(tx: CatalogTx, row: CategoryRow, ref: string | null | undefined) {
  const wanted = ref === undefined ? row.parent_id : ref;
  return wanted === null ? undefined : find(tx, wanted);
}

async function moveSubtree(tx: CatalogTx, row: CategoryRow, path: string): Promise<void> {
  if (path === row.path) return;
  const inside = await tx.query((db) =>
    db.selectFrom("category").select(["id", "path"]).where("path", ">", row.path).where("path", "<", endOf(row.path)),
  );
  mustFit(path, row.slug);
  // The row itself goes first: its new path may be the old one of something in it.
  await tx.change((db) => db.updateTable("category").set({ path }).where("id", "=", row.id));
  for (const each of inside) {
    const moved = path + each.path.slice(row.path.length);
    mustFit(moved, row.slug);
    await tx.change((db) => db.updateTable("category").set({ path: moved }).where("id", "=", each.id));
  }
}

/** Deletes a category that nothing is in. */
export async function deleteCategory(tx: CatalogTx, id: string): Promise<{ deleted: boolean }> {
  const row = await find(tx, id);
  const inside = await tx.query((db) => db.selectFrom("category").select("id").where("parent_id", "=", id).limit(1));
  if (inside.length > 0) throw CategoryInUse.with({ category: row.slug, problem: "has categories in it" });
  const products = await tx.query((db) =>
    db.selectFrom("product_category").select("product_id").where("category_id", "=", id).limit(1),
  );
  if (products.length > 0) throw CategoryInUse.with({ category: row.slug, problem: "has products in it" });
  await tx.change((db) => db.deleteFrom("category").where("id", "=", id));
  return { deleted: true };
}

/** Where the range of all paths below a path ends: "0" is the character after "/". */
export function endOf(path: string): string {
  return `${path.slice(0, -1)}0`;
}

function pathUnder(parent: CategoryRow | undefined, slug: string): string {
  return `${parent?.path ?? "/"}${slug}/`;
}

function mustFit(path: string, category: string): void {
  if (depthOf(path) <= DEPTH_MAX) return;
  throw CategoryInUse.with({ category, problem: `would be deeper than ${DEPTH_MAX} levels` });
}

async function find(tx: CatalogTx, ref: string): Promise<CategoryRow> {
  const row = await tx.first(categoryByRef, { ref });
  if (row === undefined) throw NoCategory.with({ category: ref });
  return row;
}

async function mustBeFree(tx: CatalogTx, slug: string): Promise<void> {
  const row = await tx.first(categoryByRef, { ref: slug });
  if (row !== undefined) throw Taken.with({ field: "slug", value: slug });
}

/** Adds an attribute, or changes one; products that have values of its type keep them, so the type stays. */
export async function defineAttribute(tx: CatalogTx, input: Attribute): Promise<Attribute> {
  const row = {
    code: input.code,
    name: input.name,
    type: input.type,
    choices: JSON.stringify(input.choices ?? []),
    unit: input.unit ?? null,
    facet: Number(input.facet),
  };
  const before = await tx.query((db) => db.selectFrom("attribute").select("type").where("code", "=", input.code));
  if (before[0] !== undefined && before[0].type !== input.type) {
    throw Taken.with({ field: "attribute", value: `${input.code}, a ${before[0].type}` });
  }
  const { code: _, ...values } = row;
  await tx.change((db) =>
    db
      .insertInto("attribute")
      .values(row)
      .onConflict((conflict) => conflict.column("code").doUpdateSet(values)),
  );
  return attributeView(row);
}
