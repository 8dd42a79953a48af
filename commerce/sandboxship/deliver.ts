/**
 * Sends webhooks: at least once each, with backoff until one is acknowledged or given up. A crash between sending and
 * noting it sends again. Order is not promised: what failed comes after what happened later.
 */
import type { JobContext } from "@isomer/kernel/runtime";
import { signWebhook } from "@isomer/kernel/security";
import { isFault } from "@isomer/kernel/std";
import { SIGNATURE_HEADER } from "./contract.ts";
import type { Settings } from "./settings.ts";
import { type DeliveryRow, type Tables, dueDeliveries, saveDelivery } from "./store.ts";

type Ctx = JobContext<Tables, string, Settings>;

/** Webhooks under way at once. */
const BATCH = 20;
/** The pauses double from half a second to an hour: about three days until an event is given up. */
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 3_600_000;
const ATTEMPTS_MAX = 85;
const TIMEOUT_MS = 5_000;

/** One run of the job: sends what is due. */
export async function deliver(ctx: Ctx): Promise<boolean> {
  const due = await ctx.read((db) => db.all(dueDeliveries, { now: ctx.now(), limit: BATCH }));
  if (due.length === 0) return false;
  const results = await Promise.all(due.map((delivery) => send(delivery, ctx)));
  await ctx.transaction(async (tx) => {
    for (const [index, delivery] of due.entries()) {
      const result = results[index] ?? "not sent";
      const { event_id: eventId, attempts: before } = delivery;
      const attempts = before + 1;
      const isOver = result === "ok" || attempts >= ATTEMPTS_MAX;
      if (result !== "ok") ctx.log.warn("a webhook was not acknowledged", { eventId, attempts, result });
      const nextAt = isOver ? null : ctx.now() + Math.min(FIRST_PAUSE_MS * 2 ** before, PAUSE_MS_MAX);
      await tx.run(saveDelivery, { eventId, attempts, nextAt, result });
    }
  });
  return due.length === BATCH;
}

/** Sends one, as often as the settings say. Resolves to `"ok"` or what went wrong. */
async function send({ payload }: DeliveryRow, ctx: Ctx): Promise<string> {
  const { webhookUrl: url, webhookSecret: secret, webhookCopies = 1 } = ctx.settings;
  let result = "not sent";
  for (let copy = 0; copy < webhookCopies; copy += 1) {
    const nowSeconds = Math.floor(ctx.now() / 1_000);
    const signature = signWebhook({ secret, rawBody: payload, nowSeconds, crypto: ctx.crypto });
    const headers = { "content-type": "application/json", [SIGNATURE_HEADER]: signature };
    try {
      const { status } = await ctx.fetch({ method: "POST", url, headers, body: payload, timeoutMs: TIMEOUT_MS });
      result = status >= 200 && status < 300 ? "ok" : `status ${status}`;
    } catch (error) {
      if (!isFault(error) || error.kind === "broken") throw error;
      result = error.code;
    }
  }
  return result;
}
