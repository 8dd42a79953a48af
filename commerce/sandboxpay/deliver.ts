/**
 * Sends webhooks: at least once each, with backoff until one is acknowledged or given up. A crash between sending and
 * noting it sends again. Order is not promised: what failed comes after what was made later.
 */
import type { JobContext } from "@isomer/kernel/runtime";
import { signWebhook } from "@isomer/kernel/security";
import { SIGNATURE_HEADER } from "./contract.ts";
import { settle } from "./domain.ts";
import { applyOutcome, loadIntent } from "./intents.ts";
import type { Settings } from "./settings.ts";
import { type DeliveryRow, type Tables, findToDeliver, findToSettle, saveDelivery } from "./store.ts";

type Ctx = JobContext<Tables, string, Settings>;

/** Webhooks under way at once. */
const BATCH = 64;
/** The pauses double from half a second to an hour: about three days until an event is given up, as with Stripe. */
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 3_600_000;
const ATTEMPTS_MAX = 85;
const TIMEOUT_MS = 5_000;

/** One run of the job: sends what is due. */
export async function deliver(ctx: Ctx): Promise<boolean> {
  const due = await ctx.read((db) => findToDeliver(db, ctx.now(), BATCH));
  if (due.length === 0) return false;
  const results = await Promise.all(due.map((delivery) => send(delivery, ctx)));
  await ctx.transaction(async (tx) => {
    for (const [index, delivery] of due.entries()) await note(tx, delivery, results[index] ?? "not sent", ctx);
  });
  return due.length === BATCH;
}

/** Sends one, as often as the settings say. Resolves to `"ok"` or what went wrong. */
async function send({ payload }: DeliveryRow, ctx: Ctx): Promise<string> {
  const { webhookUrl, webhookSecret, webhookCopies = 1 } = ctx.settings;
  let result = "not sent";
  for (let copy = 0; copy < webhookCopies; copy += 1) {
    const nowSeconds = Math.floor(ctx.now() / 1_000);
    const signature = signWebhook({ secret: webhookSecret, rawBody: payload, nowSeconds, crypto: ctx.crypto });
    const headers = { "content-type": "application/json", [SIGNATURE_HEADER]: signature };
    try {
      const response = await ctx.fetch({
        method: "POST",
        url: webhookUrl,
        headers,
        body: payload,
        timeoutMs: TIMEOUT_MS,
      });
      result = response.status >= 200 && response.status < 300 ? "ok" : `status ${response.status}`;
    } catch (error) {
      result = error instanceof Error ? error.message.slice(0, 200) : "no answer";
    }
  }
  return result;
}

async function note(
  tx: Parameters<typeof saveDelivery>[0],
  { event_id, attempts: before }: DeliveryRow,
  result: string,
  ctx: Ctx,
): Promise<void> {
  const attempts = before + 1;
  const isOver = result === "ok" || attempts >= ATTEMPTS_MAX;
  if (result !== "ok") ctx.log.warn("a webhook was not acknowledged", { eventId: event_id, attempts, result });
  await saveDelivery(tx, {
    event_id,
    attempts,
    next_at: isOver ? null : ctx.now() + Math.min(FIRST_PAUSE_MS * 2 ** before, PAUSE_MS_MAX),
    delivered_at: result === "ok" ? ctx.now() : null,
    last_result: result,
  });
}

/** One run of the job: lets happen what happens by itself. */
export async function settleDue(ctx: Ctx): Promise<boolean> {
  const ids = await ctx.read((db) => findToSettle(db, ctx.now(), BATCH));
  if (ids.length === 0) return false;
  await ctx.transaction(async (tx) => {
    for (const id of ids) {
      const intent = await loadIntent(tx, id);
      // A request may have come first: what was due is due no more, or later.
      if ((intent.settleAt ?? Number.POSITIVE_INFINITY) <= ctx.now()) await applyOutcome(tx, settle(intent), ctx);
    }
  });
  return ids.length === BATCH;
}
