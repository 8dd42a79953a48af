/** How the seed's products are written down. */
import type { AttributeValue } from "../../catalog/contract.ts";

/** A product of the seed, before its variants are made of its options. */
export interface SeedProduct {
  readonly slug: string;
  /** What its skus begin with. */
  readonly code: string;
  readonly title: string;
  readonly brand: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Name to values; each combination is a variant. */
  readonly options?: Readonly<Record<string, readonly string[]>>;
  readonly weightGrams: number;
  /** The price in euro cents. */
  readonly eur: number;
  /** What an option's value adds to the price, in euro cents. */
  readonly extra?: Readonly<Record<string, number>>;
  /** The price before, where it is reduced, in euro cents. */
  readonly wasEur?: number;
  /** Sold in Japan as well. */
  readonly jpy?: true;
  /** Pieces of each variant per location, where chance should not decide. */
  readonly stock?: readonly [number, number];
  readonly taxCategory?: "reduced";
}
