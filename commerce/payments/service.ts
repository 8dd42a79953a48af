/** payments: asks the provider, records what it says, lets others read. The work is in the files beside this one. */
import { implement } from "@isomer/kernel/runtime";
import { verifyWebhook } from "@isomer/kernel/security";
import type { Reader } from "@isomer/kernel/store";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { authorise, cancel, capture, create, refund } from "./commands.ts";
import { BadEvent, NoPayment, type PaymentView, payments } from "./contract.ts";
import { fold } from "./domain.ts";
import { auditOf } from "./journal.ts";
import { reconcile } from "./reconcile.ts";
import { SandboxProvider, readEvent } from "./sandbox-provider.ts";
import { Settings } from "./settings.ts";
import { findKnown, findLedger, findOfOrder, findPage, findPayment } from "./store.ts";
import type { PaymentRow, Tables } from "./tables.ts";
import { entryOf, viewOf } from "./views.ts";
import { forgetWebhooks, processWebhooks, receive } from "./webhooks.ts";

export default implement<Tables>()(payments, {
  database: { migrations: new URL("./migrations", import.meta.url) },
  settings: Settings,
  commands: {
    create,
    authorise: ({ paymentId }, ctx) => authorise(paymentId, new SandboxProvider(ctx), ctx),
    capture: (input, ctx) => capture(input, new SandboxProvider(ctx), ctx),
    cancel: (input, ctx) => cancel(input, new SandboxProvider(ctx), ctx),
    refund: (input, ctx) => refund(input, new SandboxProvider(ctx), ctx),
    async receiveWebhook({ payload, signature }, ctx) {
      verifyWebhook({
        secrets: ctx.settings.webhookSecrets,
        rawBody: payload,
        header: signature,
        nowSeconds: Math.floor(ctx.now() / 1_000),
        crypto: ctx.crypto,
      });
      const event = readEvent(payload);
      if (event === undefined) throw BadEvent.with({});
      return ctx.transaction(async (tx) => {
        await receive(tx, { event, payload }, { now: ctx.now(), log: ctx.log });
        return { received: true as const };
      });
    },
  },
  queries: {
    get: ({ paymentId }, ctx) =>
      ctx.read(async (db) => {
        const found = await findKnown(db, paymentId);
        if (found === undefined || found.row.order_id === "") throw NoPayment.with({ paymentId });
        return viewOf(found.row, found.ledger);
      }),
    byOrder: ({ orderId }, ctx) =>
      ctx.read(async (db) => {
        const rows = await findOfOrder(db, orderId);
        return { items: await viewsOf(db, rows) };
      }),
    list: ({ cursor, limit = PAGE_LIMIT, status }, ctx) =>
      ctx.read(async (db) => {
        const before = cursor === undefined ? undefined : decodeCursor(cursor, ["number", "string"]);
        const rows = await findPage(db, { before, status, limit });
        const { items, ...rest } = pageFrom(rows, limit, (row) => [row.created_at, row.id]);
        return { items: await viewsOf(db, items), ...rest };
      }),
    ledger: ({ paymentId }, ctx) =>
      ctx.read(async (db) => {
        const found = await findKnown(db, paymentId);
        if (found === undefined || found.row.order_id === "") throw NoPayment.with({ paymentId });
        return {
          items: found.ledger.map((entry) => entryOf(entry, found.row.currency)),
          audit: [...auditOf(found.ledger, fold(found.ledger))],
        };
      }),
  },
  owners: {
    get: async ({ paymentId }, db) => (await findPayment(db, paymentId))?.customer,
  },
  jobs: [
    { name: "processWebhooks", everyMs: 1_000, run: processWebhooks },
    { name: "reconcile", everyMs: 1_000, deadlineMs: 60_000, run: (ctx) => reconcile(new SandboxProvider(ctx), ctx) },
    { name: "forgetWebhooks", everyMs: 3_600_000, run: forgetWebhooks },
  ],
});

/** A connection carries out one statement at a time. */
async function viewsOf(db: Reader<Tables>, rows: readonly PaymentRow[]): Promise<PaymentView[]> {
  const views: PaymentView[] = [];
  for (const row of rows) views.push(viewOf(row, await findLedger(db, row.id)));
  return views;
}
