/** The shop's people in simulation: stock comes in, orders are stopped for a look, a part of the money goes back. */
import type { Identity } from "@isomer/kernel/contract";
import { type Actor, type ActorContext, actor } from "@isomer/kernel/sim";
import { inventory } from "../../inventory/contract.ts";
import { orders } from "../../orders/contract.ts";
import { payments } from "../../payments/contract.ts";
import { money } from "../../shared/mod.ts";

/** What the shop's people were told is done. */
export interface StaffReport {
  /** A delivery that was taken in, by its reason in the ledger. */
  readonly received?: string;
  readonly refunded?: { readonly paymentId: string; readonly amount: number };
}

const STAFF: Identity = { subject: "staff", roles: ["admin"], guest: false };
const DELIVERIES = 3;
const ROUNDS = 6;

/** Somebody in the warehouse: pieces of what is scarce arrive, one after another. */
export function warehouse(sku: string): Actor {
  return actor("warehouse", async function* (ctx) {
    for (let n = 1; n <= DELIVERIES; n += 1) {
      yield ctx.between(300, 1_500);
      const reason = `delivery ${n}`;
      const lines = [{ sku, location: "rotterdam", quantity: 1 }];
      await ctx.call(inventory.receive({ lines, reason }), { key: `warehouse-${n}`, identity: STAFF });
      ctx.report({ received: reason } satisfies StaffReport);
    }
  });
}

/** Somebody at the desk: looks through the orders, stops one for a while or gives back a part of its price. */
export const clerk: Actor = actor("clerk", async function* (ctx) {
  for (let round = 1; round <= ROUNDS; round += 1) {
    yield ctx.between(400, 1_200);
    const asked = { key: `clerk-${round}-list`, identity: STAFF };
    const { items } = await ctx.call(orders.all({ limit: 20 }), asked);
    const standing = items.filter(({ lifecycle }) => lifecycle === "placed" || lifecycle === "completed");
    if (standing.length === 0) continue;
    const { orderId } = ctx.pick(standing);
    if (ctx.random.next() < 0.4) await lookAt(ctx, orderId, `clerk-${round}`);
    else await giveBack(ctx, orderId, `clerk-${round}`);
  }
});

async function lookAt(ctx: ActorContext, orderId: string, name: string): Promise<void> {
  const held = await unlessRefused(
    ctx.call(orders.hold({ orderId, reason: "a look" }), { key: `${name}-hold`, identity: STAFF }),
  );
  if (held === undefined) return;
  ctx.note("an order was stopped for a look");
  await ctx.sleep(ctx.between(50, 600));
  await unlessRefused(ctx.call(orders.resume({ orderId }), { key: `${name}-resume`, identity: STAFF }));
}

async function giveBack(ctx: ActorContext, orderId: string, name: string): Promise<void> {
  const { paymentId, captured } = await ctx.call(orders.get({ orderId }), { key: `${name}-get`, identity: STAFF });
  if (paymentId === undefined || captured.amount === 0) return;
  const amount = 1 + Math.floor(captured.amount / 10);
  const refund = payments.refund({ paymentId, amount: money(amount, captured.currency), reason: "goodwill" });
  if ((await unlessRefused(ctx.call(refund, { key: `${name}-refund`, identity: STAFF }))) === undefined) return;
  ctx.note("a part of the price went back");
  ctx.report({ refunded: { paymentId, amount } } satisfies StaffReport);
}

/** The order may have moved on since it was looked at: then there is nothing to do. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const { kind } = error as { kind?: string };
    if (kind === "conflict" || kind === "invalid" || kind === "denied") return undefined;
    throw error;
  }
}
