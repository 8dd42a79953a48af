/**
 * Webhooks of the provider. Each is stored in the transaction that precedes its acknowledgement, once per event id,
 * and in the same transaction taken into the ledger when its payment is known: an event is a snapshot of the
 * whole payment, so it needs neither its predecessors nor the provider. What cannot be taken in at once waits in the inbox.
 */
import type { EventWriter } from "@isomer/kernel/events";
import type { JobContext } from "@isomer/kernel/runtime";
import type { Logger } from "@isomer/kernel/std";
import { factsOf } from "./facts-of.ts";
import type { ProviderEvent } from "./provider.ts";
import { record } from "./record.ts";
import { readEvent } from "./sandbox-provider.ts";
import type { Settings } from "./settings.ts";
import { deleteOldWebhooks, findKnown, findWaitingWebhooks, insertWebhook, saveWebhook } from "./store.ts";
import type { Tables, WebhookRow } from "./tables.ts";

/** How often an event of an unknown payment is tried again: some minutes, in case it overtook the payment. */
const ATTEMPTS_MAX = 8;
const FIRST_PAUSE_MS = 1_000;
/** Webhooks per run of the job. */
const BATCH = 20;
/** Webhooks that are done with are kept for 30 days, longer than any provider repeats them. */
const KEPT_MS = 30 * 24 * 3_600_000;
const DELETED_PER_RUN = 100;

/** Stores an event and takes it in if that can be done now. A repeated event changes nothing. */
export async function receive(
  tx: EventWriter<Tables>,
  webhook: { readonly event: ProviderEvent; readonly payload: string },
  { now, log }: { readonly now: number; readonly log: Logger },
): Promise<void> {
  const { event, payload } = webhook;
  const { id: event_id, type, intent } = event;
  // Stored as done, because nearly every one is in a moment: the few that must wait are marked so below.
  const isNew = await insertWebhook(tx, {
    event_id,
    type,
    payment_id: intent?.paymentId ?? null,
    payload,
    received_at: now,
    processed_at: now,
    result: intent === undefined ? "not about a payment" : "taken in",
    next_at: null,
  });
  if (!isNew || intent === undefined) return;
  const payment = await findKnown(tx, intent.paymentId);
  if (payment?.row.currency === intent.currency) {
    await record(tx, payment, { facts: factsOf(intent), providerId: intent.id, source: "webhook", at: now });
    return;
  }
  log.warn("a webhook of a payment that is not ours", { eventId: event_id, paymentId: intent.paymentId });
  const next_at = now + FIRST_PAUSE_MS;
  await saveWebhook(tx, { event_id, processed_at: null, result: "no such payment", attempts: 0, next_at });
}

/** One run of the job: takes in what waits in the inbox. */
export async function processWebhooks(ctx: JobContext<Tables, string, Settings>): Promise<boolean> {
  const isWaiting = (await ctx.read((db) => findWaitingWebhooks(db, ctx.now(), 1))).length > 0;
  if (!isWaiting) return false;
  return ctx.transaction(async (tx) => {
    const waiting = await findWaitingWebhooks(tx, ctx.now(), BATCH);
    for (const webhook of waiting) await processOne(tx, webhook, ctx);
    return waiting.length === BATCH;
  });
}

async function processOne(
  tx: EventWriter<Tables>,
  webhook: WebhookRow,
  ctx: { now(): number; readonly log: Logger },
): Promise<void> {
  const intent = readEvent(webhook.payload)?.intent;
  const payment = intent === undefined ? undefined : await findKnown(tx, intent.paymentId);
  const event_id = webhook.event_id;
  const attempts = webhook.attempts + 1;
  const at = ctx.now();
  if (payment !== undefined && intent !== undefined && payment.row.currency === intent.currency) {
    await record(tx, payment, { facts: factsOf(intent), providerId: intent.id, source: "webhook", at });
    await saveWebhook(tx, { event_id, processed_at: at, result: "taken in", attempts, next_at: null });
    return;
  }
  const isOver = attempts >= ATTEMPTS_MAX;
  if (isOver)
    ctx.log.error("a webhook of a payment that never turned up", { eventId: event_id, paymentId: webhook.payment_id });
  await saveWebhook(tx, {
    event_id,
    processed_at: isOver ? at : null,
    result: "no such payment",
    attempts,
    next_at: isOver ? null : at + FIRST_PAUSE_MS * 2 ** attempts,
  });
}

/** One run of the job: forgets webhooks that are done with and older than any provider repeats them. */
export function forgetWebhooks(ctx: JobContext<Tables, string, Settings>): Promise<boolean> {
  return ctx.transaction(
    async (tx) => (await deleteOldWebhooks(tx, ctx.now() - KEPT_MS, DELETED_PER_RUN)) === DELETED_PER_RUN,
  );
}
