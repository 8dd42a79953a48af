/** The small shop: two services here, one in Python. */
import { type Service, type System, defineSystem, external, implement } from "@isomer/kernel/runtime";
import { catalog, desk, giftwrap } from "./contracts.ts";

const WEIGHTS: Readonly<Record<string, number>> = { book: 400, anvil: 60_000 };

const catalogService = implement()(catalog, {
  commands: { discontinue: async () => ({}) },
  queries: {
    async variants({ skus }, ctx) {
      // Something that is looked for until nobody waits for it any more.
      if (skus.includes("needle")) await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      return { variants: skus.map((sku) => ({ sku, title: `A ${sku}`, weightGrams: WEIGHTS[sku] ?? 1_000 })) };
    },
  },
});

/** The desk: it has gift wrapping do the work. */
export const deskService: Service = implement()(desk, {
  uses: [giftwrap, catalog],
  commands: {
    async wrap(asked, ctx) {
      const done = await ctx.call(giftwrap.wrap(asked));
      return ctx.transaction(async () => done);
    },
  },
  queries: { offer: (asked, ctx) => ctx.call(giftwrap.quote(asked)) },
});

/** The system. That giftwrap uses catalog stands here: catalog lets in who says so. */
export const giftShop: System = defineSystem({
  name: "gift-shop",
  services: [catalogService, deskService],
  externals: [external(giftwrap, { uses: [catalog] })],
  roles: {},
});
