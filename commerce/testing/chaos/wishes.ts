/** What a crowd wants to buy: by a seeded generator, so that a run can be had again. */
import { seedCatalogue } from "../../seed/mod.ts";
import type { Wish } from "./shopper.ts";

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Payment methods and how often they are used, of 100. */
const CARDS: readonly (readonly [token: string, share: number])[] = [
  ["tok_success", 62],
  ["tok_decline", 7],
  ["tok_insufficient_funds", 3],
  ["tok_3ds", 8],
  ["tok_processing", 5],
  ["tok_processing_decline", 3],
  ["tok_late_success", 3],
  ["tok_lost_answer", 5],
  ["tok_timeout", 2],
  ["tok_timeout_decline", 2],
];
const COUPONS = ["WELCOME10", "FIRST50", "FIRST50", "FIRST50", "SUMMIT20", "FREESHIP"];
const EMAILS = ["ada@example.org", "grace@example.org", "edsger@example.org"];

/** Stock of each variant, over all locations. */
export function seedStock(): ReadonlyMap<string, number> {
  const stock = new Map<string, number>();
  for (const { sku, quantity } of seedCatalogue.stock) stock.set(sku, (stock.get(sku) ?? 0) + quantity);
  return stock;
}

/** Wishes for `count` buyers: a fifth of them wants what is scarce. */
export function wishesFor(count: number, random: () => number): readonly Wish[] {
  const skus = [...seedStock()].toSorted(([, a], [, b]) => a - b).filter(([, quantity]) => quantity > 0);
  const scarce = skus.slice(0, 6).map(([sku]) => sku);
  const plenty = skus.slice(skus.length / 2).map(([sku]) => sku);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const run = Math.floor(random() * 2 ** 32).toString(36);
  return Array.from({ length: count }, (_, n) => {
    const lines = new Map<string, number>();
    if (random() < 0.2) lines.set(pick(scarce), 1 + Math.floor(random() * 3));
    while (lines.size === 0 || random() < 0.4) lines.set(pick(plenty), 1 + Math.floor(random() * 3));
    return {
      name: `${run}-${n}`,
      lines: [...lines].map(([sku, quantity]) => ({ sku, quantity })),
      paymentToken: cardAt(random() * 100),
      email: pick(EMAILS),
      approves: random() < 0.6,
      regrets: random() < 0.1,
      hurries: random() < 0.1,
      ...(random() < 0.3 ? { coupon: pick(COUPONS) } : {}),
    };
  });
}

function cardAt(point: number): string {
  let passed = 0;
  for (const [token, share] of CARDS) {
    passed += share;
    if (point < passed) return token;
  }
  return "tok_success";
}
