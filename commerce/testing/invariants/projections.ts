/** Invariant 25: a projection shows what its log says, each event counted once. For a shop that has settled. */
import type { ShopData, Violation } from "./data.ts";

interface Day {
  placed: number;
  cancelled: number;
  revenue: number;
}

/** 25: the sales of each day are those of the orders' log. */
export function salesProjected(data: ShopData): Violation[] {
  const wanted = new Map<string, Day>();
  const dayOf = (day: string, currency: string): Day => {
    const key = `${day} ${currency}`;
    const known = wanted.get(key) ?? { placed: 0, cancelled: 0, revenue: 0 };
    wanted.set(key, known);
    return known;
  };
  const events = data.rows<{ type: string; at: number; data: string }>(
    "orders",
    "SELECT type, at, data FROM isomer_log WHERE type IN ('placed', 'cancelled')",
  );
  for (const { type, at, data: text } of events) {
    const { totals, placedAt } = JSON.parse(text) as {
      readonly totals: { readonly total: { readonly amount: number; readonly currency: string } };
      readonly placedAt?: string;
    };
    const { amount, currency } = totals.total;
    if (type === "placed") {
      const day = dayOf(new Date(at).toISOString().slice(0, 10), currency);
      day.placed += 1;
      day.revenue += amount;
    } else {
      const day = dayOf((placedAt ?? "").slice(0, 10), currency);
      day.cancelled += 1;
      day.revenue -= amount;
    }
  }
  const shown = data.rows<Day & { day: string; currency: string }>(
    "orders",
    "SELECT day, currency, placed, cancelled, revenue FROM sales_day",
  );
  const found = new Map(shown.map(({ day, currency, ...rest }) => [`${day} ${currency}`, rest]));
  return [...new Set([...wanted.keys(), ...found.keys()])].flatMap((key) => {
    const [is, should] = [found.get(key), wanted.get(key)].map((day) =>
      day === undefined ? "nothing" : `${day.placed} placed, ${day.cancelled} cancelled, ${day.revenue}`,
    );
    return is === should ? [] : [{ invariant: 25, what: `shown is ${is}, the log says ${should}`, subject: key }];
  });
}
