/** orders, as it runs. */
import { readKey } from "@isomer/kernel/events";
import { type CommandContext, type QueryContext, implement } from "@isomer/kernel/runtime";
import { toInstant } from "@isomer/kernel/std";
import type { Reader } from "@isomer/kernel/store";
import { inventory } from "../inventory/contract.ts";
import { payments } from "../payments/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { PAGE_LIMIT, decodeCursor, money, normaliseEmail, pageFrom } from "../shared/mod.ts";
import { shipping } from "../shipping/contract.ts";
import { change, view } from "./change.ts";
import { NoOrder, orders } from "./contract.ts";
import type { Fulfilment, Lifecycle, Order, OrderCommand, PaymentState } from "./domain.ts";
import { orderNumber } from "./domain.ts";
import { dayOf, salesProjection, subscriptions } from "./hearing.ts";
import { cancelOrder } from "./saga.ts";
import { type Tables, orderById, ordersOf, salesDays, subjectOf } from "./store.ts";

/** How long a request waits for a cancellation to be carried out before it answers with where it stands. */
const CANCEL_WAIT_MS = 8_000;
const HISTORY_MAX = 500;
const DAY_MS = 86_400_000;

const ownerOf = async ({ orderId }: { orderId: string }, db: { first: QueryFirst }): Promise<string | undefined> =>
  (await db.first(subjectOf, { orderId }))?.subject;
type QueryFirst = (
  statement: typeof subjectOf,
  parameters: { orderId: string },
) => Promise<{ subject: string } | undefined>;

type Ctx = CommandContext<Tables>;

/** Changes an order for the shop's people, and answers with all of it. */
function changed(ctx: Ctx, orderId: string, command: OrderCommand) {
  return ctx.transaction(async (tx) => {
    await change(tx, orderId, command, ctx.now());
    return view(tx, orderId, true);
  });
}

const isStaff = (ctx: Pick<Ctx, "can">): boolean => ctx.can("orders.read") || ctx.can("orders.manage");

const by = (ctx: Ctx): string => ctx.identity?.subject ?? "system";

function cancel({ orderId, reason: given }: { orderId: string; reason?: string | undefined }, ctx: Ctx) {
  const reason = given ?? "cancelled on request";
  return ctx.transaction(async (tx) => {
    await change(tx, orderId, { type: "requestCancel", orderId, reason, by: by(ctx) }, ctx.now());
    const row = await tx.first(orderById, { orderId });
    if (row === undefined) throw NoOrder.with({ orderId });
    const order = JSON.parse(row.state) as Order;
    if (order.lifecycle === "cancelling") {
      const input = {
        orderId,
        paymentId: order.paymentId ?? "",
        reason,
        coupons: (order.draft?.couponCodes.length ?? 0) > 0,
        placedAt: toInstant(await placedAt(tx, orderId)),
      };
      await tx.start(cancelOrder, input, cancellationOf(orderId, order));
    }
    return view(tx, orderId, isStaff(ctx));
  });
}

/**
 * The saga that carries a request to cancel out. One for each request that was taken up: asking again meanwhile joins it,
 * and an order whose cancellation was refused may be asked again.
 */
const cancellationOf = (orderId: string, { cancels }: Pick<Order, "cancels">): string => `cancel-${orderId}-${cancels}`;

/** When the order was placed, milliseconds since 1970: its sale was counted on that day. */
async function placedAt({ connection }: Pick<Reader<Tables>, "connection">, orderId: string): Promise<number> {
  const events = await readKey(connection, "orders", { key: orderId, afterSequence: 0, limit: HISTORY_MAX });
  const placed = events.find(({ type }) => type === "placed");
  if (placed === undefined) throw NoOrder.with({ orderId });
  return placed.at;
}

interface SummaryRow {
  order_id: string;
  lifecycle: string;
  payment: string;
  fulfilment: string;
  currency: string;
  total: number;
  items: number;
  created_at: number;
}

function summary(row: SummaryRow) {
  return {
    orderId: row.order_id,
    number: orderNumber(row.order_id),
    lifecycle: row.lifecycle as Lifecycle,
    payment: row.payment as PaymentState,
    fulfilment: row.fulfilment as Fulfilment,
    total: money(row.total, row.currency),
    items: row.items,
    createdAt: toInstant(row.created_at),
  };
}

function summaries(rows: readonly SummaryRow[], limit: number) {
  const page = pageFrom(rows, limit, (row) => [row.created_at, row.order_id]);
  return { ...page, items: page.items.map(summary) };
}

const start = (cursor: string | undefined) =>
  cursor === undefined ? ([Number.MAX_SAFE_INTEGER, ""] as const) : decodeCursor(cursor, ["number", "string"]);

async function history({ orderId }: { orderId: string }, ctx: QueryContext<Tables>) {
  const items = await ctx.read(({ connection }) =>
    readKey(connection, "orders", { key: orderId, afterSequence: 0, limit: HISTORY_MAX }),
  );
  if (items.length === 0) throw NoOrder.with({ orderId });
  const entries = items.map((event) => ({
    sequence: event.sequence,
    type: event.type,
    at: toInstant(event.at),
    by: event.actor.subject ?? event.actor.service ?? "system",
    data: event.data,
  }));
  return { items: isStaff(ctx) ? entries : forBuyer(entries, ctx.identity?.subject ?? "") };
}

interface HistoryEntry {
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
  readonly by: string;
  readonly data: unknown;
}

/** What a buyer is told: not who of the shop's people did what, nor what they note for each other. */
function forBuyer(entries: readonly HistoryEntry[], subject: string): HistoryEntry[] {
  const name = (who: string): string => (who === subject ? who : "the shop");
  return entries
    .filter(({ type }) => type !== "noteAdded")
    .map((entry) => {
      const { by: who, reason, ...rest } = entry.data as { by?: string; reason?: string };
      const data = {
        ...rest,
        ...(reason === undefined || entry.type === "held" ? {} : { reason }),
        ...(who === undefined ? {} : { by: name(who) }),
      };
      return { ...entry, by: name(entry.by), data };
    });
}

export default implement<Tables>()(orders, {
  uses: [inventory, payments, pricing, shipping],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  commands: {
    open: (draft, ctx) => ctx.transaction((tx) => change(tx, draft.orderId, { type: "open", draft }, ctx.now())),
    place: ({ orderId, paymentId }, ctx) =>
      ctx.transaction((tx) => change(tx, orderId, { type: "place", orderId, paymentId }, ctx.now())),
    abandon: ({ orderId, reason }, ctx) =>
      ctx.transaction((tx) => change(tx, orderId, { type: "abandon", orderId, reason }, ctx.now())),
    cancel,
    hold: ({ orderId, reason }, ctx) => changed(ctx, orderId, { type: "hold", orderId, reason, by: by(ctx) }),
    resume: ({ orderId }, ctx) => changed(ctx, orderId, { type: "resume", orderId, by: by(ctx) }),
    addNote: ({ orderId, text }, ctx) => changed(ctx, orderId, { type: "note", orderId, text, by: by(ctx) }),
  },
  queries: {
    get: ({ orderId }, ctx) => ctx.read((db) => view(db, orderId, isStaff(ctx))),
    history,
    mine: ({ cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        const [beforeAt, beforeId] = start(cursor);
        const subject = ctx.identity?.subject ?? "";
        return summaries(await db.all(ordersOf, { subject, beforeAt, beforeId, limit: limit + 1 }), limit);
      }),
    all: ({ cursor, limit = PAGE_LIMIT, lifecycle, email }, ctx) =>
      ctx.read(async (db) => {
        const [beforeAt, beforeId] = start(cursor);
        const rows = await db.query((kysely) => {
          let rows = kysely
            .selectFrom("order_view")
            .selectAll()
            .where((eb) =>
              eb.or([
                eb("created_at", "<", beforeAt),
                eb.and([eb("created_at", "=", beforeAt), eb("order_id", "<", beforeId)]),
              ]),
            );
          if (lifecycle !== undefined) rows = rows.where("lifecycle", "=", lifecycle);
          if (email !== undefined) rows = rows.where("email", "=", normaliseEmail(email));
          return rows
            .orderBy("created_at", "desc")
            .orderBy("order_id", "desc")
            .limit(limit + 1);
        });
        return summaries(rows, limit);
      }),
    sales: ({ days = 30 }, ctx) =>
      ctx.read(async (db) => ({ items: await db.all(salesDays, { from: dayOf(ctx.now() - (days - 1) * DAY_MS) }) })),
  },
  owners: { get: ownerOf, history: ownerOf, cancel: ownerOf },
  after: {
    async cancel({ orderId }, ctx) {
      const row = await ctx.read((db) => db.first(orderById, { orderId }));
      if (row === undefined) throw NoOrder.with({ orderId });
      await ctx.saga(cancellationOf(orderId, JSON.parse(row.state) as Order), { timeoutMs: CANCEL_WAIT_MS });
      return ctx.read((db) => view(db, orderId, isStaff(ctx)));
    },
  },
  on: subscriptions,
  projections: [salesProjection],
  sagas: [cancelOrder],
});
