/** The tables of the catalogue, as `migrations/` makes them. */
import type { PRODUCT_STATES } from "./schemas.ts";

/** Where a product is in its life. */
export type ProductState = (typeof PRODUCT_STATES)[number];

/** A node of the tree. `path` holds the slugs from the top: `/shelter/tents/`. */
export interface CategoryRow {
  id: string;
  slug: string;
  name: string;
  description: string;
  parent_id: string | null;
  position: number;
  path: string;
  version: number;
}

/** An attribute; `choices` is JSON, `facet` 0 or 1. */
export interface AttributeRow {
  code: string;
  name: string;
  type: "text" | "number" | "boolean" | "choice";
  choices: string;
  unit: string | null;
  facet: number;
}

/** A product; `options`, `attributes` and `media` are JSON. */
export interface ProductRow {
  id: string;
  slug: string;
  title: string;
  description: string;
  brand: string;
  tax_category: string;
  options: string;
  attributes: string;
  media: string;
  status: ProductState;
  version: number;
  created_at: number;
  updated_at: number;
  published_at: number | null;
}

/** A variant; `options` is JSON, `active` 0 or 1. */
export interface VariantRow {
  sku: string;
  product_id: string;
  position: number;
  title: string;
  options: string;
  weight_grams: number;
  barcode: string | null;
  active: number;
  version: number;
}

/** The tables of the catalogue. */
export interface Tables {
  category: CategoryRow;
  attribute: AttributeRow;
  product: ProductRow;
  product_category: { product_id: string; category_id: string };
  variant: VariantRow;
  search_term: { term: string; product_id: string; weight: number };
  search_facet: { code: string; value: string; product_id: string };
}
