/** What the seed's shop takes for tax and gives away. Rates are for show: check your own before you sell. */
import type { Coupon, Promotion, TaxRate } from "../pricing/contract.ts";
import { seedCatalogue } from "./catalogue.ts";

/** Country, standard and reduced rate in hundredths of a percent; prices include them in all of these. */
const INCLUDED: readonly (readonly [country: string, standardBp: number, reducedBp: number])[] = [
  ["AT", 2_000, 1_000],
  ["BE", 2_100, 600],
  ["CH", 810, 260],
  ["CZ", 2_100, 1_200],
  ["DE", 1_900, 700],
  ["DK", 2_500, 2_500],
  ["ES", 2_100, 1_000],
  ["FI", 2_550, 1_350],
  ["FR", 2_000, 550],
  ["GB", 2_000, 0],
  ["IE", 2_300, 900],
  ["IT", 2_200, 1_000],
  ["JP", 1_000, 800],
  ["LU", 1_700, 300],
  ["NL", 2_100, 900],
  ["PL", 2_300, 500],
  ["PT", 2_300, 600],
  ["SE", 2_500, 1_200],
];

/** The tax rates of the seed. In the United States tax comes on top of the price. */
export const seedTaxRates: readonly TaxRate[] = [
  ...INCLUDED.flatMap(([country, standardBp, reducedBp]) => [
    { country, category: "standard", rateBp: standardBp, included: true },
    { country, category: "reduced", rateBp: reducedBp, included: true },
  ]),
  { country: "US", category: "standard", rateBp: 725, included: false },
  { country: "US", category: "reduced", rateBp: 0, included: false },
];

const socks = seedCatalogue.prices.map((price) => price.sku).filter((sku) => sku.startsWith("LDS-"));

/** The promotions of the seed. */
export const seedPromotions: readonly Promotion[] = [
  { promotionId: "welcome", label: "10 % welcome", benefit: { kind: "percent", bp: 1_000 }, needsCoupon: true },
  {
    promotionId: "summit",
    label: "20 € off from 100 €",
    benefit: { kind: "fixed", amount: { amount: 2_000, currency: "EUR" } },
    minSubtotal: { amount: 10_000, currency: "EUR" },
    needsCoupon: true,
  },
  { promotionId: "free-shipping", label: "Free shipping", benefit: { kind: "freeShipping" }, needsCoupon: true },
  {
    promotionId: "socks-three-for-two",
    label: "Three pairs of socks for two",
    benefit: { kind: "buyXGetY", buy: 2, get: 1 },
    skus: [...new Set(socks)],
    needsCoupon: false,
  },
];

/** The coupons of the seed. */
export const seedCoupons: readonly Coupon[] = [
  { code: "WELCOME10", promotionId: "welcome", perCustomerLimit: 1 },
  { code: "SUMMIT20", promotionId: "summit" },
  { code: "FREESHIP", promotionId: "free-shipping" },
  { code: "FIRST50", promotionId: "welcome", limit: 50, perCustomerLimit: 1 },
];
