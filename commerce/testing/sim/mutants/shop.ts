/**
 * Mistakes in stock, coupons, parcels and mails.
 *
 * Left out, because a command's record keeps it from being carried out again: releasing a reservation that is released.
 */
import type { Mutant } from "./mutant.ts";

/** The mutants of the other services. */
export const shopMutants: readonly Mutant[] = [
  {
    name: "stock is looked at in a cache",
    what: "a stale read guards a write: two buyers get the same piece",
    file: "commerce/inventory/service.ts",
    find: "reserve: (input, ctx) => ctx.transaction((tx) => reserve(tx, input, around(ctx)), HOT),",
    replace: `reserve: (input, ctx) =>
      ctx.transaction((tx) => {
        const seen = cached.get(ctx.ids) ?? new Map<string, { at: number; levels: unknown }>();
        cached.set(ctx.ids, seen);
        const stale = {
          emit: tx.emit.bind(tx),
          first: tx.first.bind(tx),
          async all(statement: unknown, p: { sku: string }) {
            if (statement !== levelsOf) return tx.all(statement as never, p as never);
            const known = seen.get(p.sku);
            if (known !== undefined && ctx.now() - known.at < 1_000) return known.levels;
            const levels = await tx.all(levelsOf, p);
            seen.set(p.sku, { at: ctx.now(), levels });
            return levels;
          },
          run: (statement: unknown, p: { quantity: number }) =>
            statement === take
              ? tx.run(giveBackReserved as never, { ...p, quantity: -p.quantity } as never)
              : tx.run(statement as never, p as never),
        };
        return reserve(stale as never, input, around(ctx));
      }, HOT),`,
    also: [
      {
        find: "/** Rows that many buyers want",
        replace: `import { giveBackReserved, levelsOf, take } from "./store.ts";
const cached = new WeakMap<object, Map<string, { at: number; levels: unknown }>>();

/** Rows that many buyers want`,
      },
    ],
  },
  {
    name: "a customer's coupons are counted in a cache",
    what: "a customer who buys twice at once uses a coupon twice",
    file: "commerce/pricing/service.ts",
    find: "holdCoupons: (input, ctx) => ctx.transaction((tx) => hold(tx, { ...input, now: ctx.now() })),",
    replace: `holdCoupons: (input, ctx) =>
      ctx.transaction((tx) => {
        const seen = cached.get(ctx.ids) ?? new Map<string, { at: number; uses: unknown }>();
        cached.set(ctx.ids, seen);
        const stale = {
          emit: tx.emit.bind(tx),
          all: tx.all.bind(tx),
          run: tx.run.bind(tx),
          async first(statement: unknown, p: { code: string; customer: string }) {
            if (statement !== usesByCustomer) return tx.first(statement as never, p as never);
            const key = p.code + p.customer;
            const known = seen.get(key);
            if (known !== undefined && ctx.now() - known.at < 1_000) return known.uses;
            const uses = await tx.first(usesByCustomer, p);
            seen.set(key, { at: ctx.now(), uses });
            return uses;
          },
        };
        return hold(stale as never, { ...input, now: ctx.now() });
      }),`,
    also: [
      {
        find: "function toCoupon(",
        replace: `import { usesByCustomer } from "./store.ts";
const cached = new WeakMap<object, Map<string, { at: number; uses: unknown }>>();

function toCoupon(`,
      },
    ],
  },
  {
    name: "a label that is being bought is not called off",
    what: "the carrier waits for a parcel that does not come",
    file: "commerce/shipping/shipments.ts",
    find: 'await tx.run(addTask, { shipmentId, kind: "cancel", nextAt: now });',
    replace: 'if (row.tracking_number !== null) await tx.run(addTask, { shipmentId, kind: "cancel", nextAt: now });',
  },
  {
    name: "a parcel that is leaving is called off",
    what: "goods leave for an order that was given its money back",
    file: "commerce/shipping/shipments.ts",
    find: 'if (row.leaving !== null) throw WrongStatus.with({ orderId, status: "shipped" });',
    replace: "",
  },
  {
    name: "shipping acknowledges a webhook before it stores it",
    what: "a crash forgets what the carrier was told is known",
    file: "commerce/shipping/service.ts",
    find: `return ctx.transaction(async (tx) => {
        await receive(tx, event, payload, { now: ctx.now(), log: ctx.log });
        return { received: true as const };
      });`,
    replace: `const waiting = inMemory.get(ctx.ids) ?? [];
      inMemory.set(ctx.ids, [...waiting, { event, payload }]);
      return ctx.transaction(async () => ({ received: true as const }));`,
    also: [
      {
        find: "run: processWebhooks },",
        replace: `run: async (ctx) => {
      const waiting = inMemory.get(ctx.ids) ?? [];
      inMemory.delete(ctx.ids);
      for (const { event, payload } of waiting as { event: never; payload: string }[]) {
        await ctx.transaction((tx) => receive(tx, event, payload, { now: ctx.now(), log: ctx.log }));
      }
      return processWebhooks(ctx);
    } },`,
      },
      {
        find: "const hear = subscribe<Tables, Settings>();",
        replace: "const inMemory = new WeakMap<object, unknown[]>();\nconst hear = subscribe<Tables, Settings>();",
      },
    ],
  },
  {
    name: "an order that was called off first gets a parcel",
    what: "goods leave for an order that is cancelled",
    file: "commerce/shipping/shipments.ts",
    find: "if ((await tx.first(calledOff, { orderId })) !== undefined) {",
    replace: 'if ((await tx.first(calledOff, { orderId })) !== undefined && orderId === "") {',
  },
];
