/** sandboxpay: a payment provider of our own, to develop against. It knows nothing of the shop. */
import { type CommandContext, implement } from "@isomer/kernel/runtime";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { toInstant } from "@isomer/kernel/std";
import { TEST_CARDS, cardOf } from "./cards.ts";
import { AnswerLost, BadApiKey, type Intent, NoCard, NoIntent, sandboxpay } from "./contract.ts";
import { deliver, settleDue } from "./deliver.ts";
import {
  type Outcome,
  type StoredIntent,
  type Times,
  answerChallenge,
  cancel,
  capture,
  confirm,
  refund,
  toIntent,
} from "./domain.ts";
import { applyNew, applyOutcome, intentId as newIntentId, isAnswerLost, isDark, loadIntent } from "./intents.ts";
import { challengePage } from "./page.ts";
import { Settings, longDelayOf, shortDelayOf } from "./settings.ts";
import { type Tables, findEntries, findIntent, findIntents, findOfPayment } from "./store.ts";

type Ctx = CommandContext<Tables, string, Settings>;

export default implement<Tables>()(sandboxpay, {
  database: { migrations: new URL("./migrations", import.meta.url) },
  settings: Settings,
  commands: {
    createIntent({ apiKey, amount, currency, token, confirm: isConfirmed, returnUrl, metadata }, ctx) {
      checkKey(apiKey, ctx);
      const card = token === undefined ? undefined : cardOf(token);
      if (token !== undefined && card === undefined) throw NoCard.with({ token });
      const answer = isConfirmed === true ? (card?.answer ?? "given") : "given";
      const made: StoredIntent = {
        id: newIntentId(ctx.ids.next(), answer),
        amount,
        currency,
        status: token === undefined ? "requires_payment_method" : "requires_confirmation",
        authorized: 0,
        released: false,
        captures: [],
        refunds: [],
        ...(token === undefined ? {} : { token }),
        ...(returnUrl === undefined ? {} : { returnUrl }),
        metadata: metadata ?? {},
        createdAt: ctx.now(),
      };
      const isTried = isConfirmed === true && token !== undefined;
      const outcome = isTried ? confirm(made, token, timesOf(ctx)) : { intent: made, events: [], entries: [] };
      return ctx.transaction(async (tx) => {
        await applyNew(tx, outcome, ctx);
        return toIntent(outcome.intent, ctx.settings.publicUrl);
      });
    },
    confirmIntent: ({ apiKey, intentId, token }, ctx) =>
      withIntent(ctx, apiKey, intentId, (intent) => confirm(intent, token, timesOf(ctx))),
    captureIntent: ({ apiKey, intentId, amount, reference }, ctx) =>
      withIntent(ctx, apiKey, intentId, (intent) =>
        capture(intent, { id: `cap_${ctx.ids.next()}`, amount, reference }, ctx.now()),
      ),
    cancelIntent: ({ apiKey, intentId }, ctx) => withIntent(ctx, apiKey, intentId, cancel),
    refund: ({ apiKey, intentId, amount, reference }, ctx) =>
      withIntent(ctx, apiKey, intentId, (intent) =>
        refund(intent, { id: `re_${ctx.ids.next()}`, amount, reference }, timesOf(ctx)),
      ),
    answerChallenge: ({ intentId, outcome }, ctx) =>
      ctx.transaction(async (tx) => {
        const result = answerChallenge(await loadIntent(tx, intentId), outcome);
        await applyOutcome(tx, result, ctx);
        const { status, returnUrl } = result.intent;
        return { intentId, status, ...(returnUrl === undefined ? {} : { returnUrl }) };
      }),
    submitChallenge: ({ intentId, outcome }, ctx) =>
      ctx.transaction(async (tx) => {
        const intent = await loadIntent(tx, intentId);
        // A button pressed too late is no error to a customer: the page says how things stand.
        if (intent.status !== "requires_action") return { content: challengePage(intent) };
        const result = answerChallenge(intent, outcome);
        await applyOutcome(tx, result, ctx);
        return { content: challengePage(result.intent) };
      }),
  },
  after: {
    async createIntent(intent, ctx) {
      if (isAnswerLost(intent, ctx)) throw AnswerLost.with({});
      return intent;
    },
  },
  queries: {
    retrieveIntent: ({ apiKey, intentId }, ctx) =>
      ctx.read(async (db) => {
        checkKey(apiKey, ctx);
        const found = await findIntent(db, intentId);
        if (found === undefined) throw NoIntent.with({ intentId });
        const intent = toIntent(found, ctx.settings.publicUrl);
        if (isDark(intent, ctx)) throw AnswerLost.with({});
        return intent;
      }),
    listIntents: ({ apiKey, paymentId, orderId, cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        checkKey(apiKey, ctx);
        const before = cursor === undefined ? undefined : decodeCursor(cursor, ["number", "string"]);
        const found =
          paymentId === undefined
            ? await findIntents(db, { orderId, before, limit })
            : await findOfPayment(db, paymentId);
        const page = pageFrom(found, paymentId === undefined ? limit : found.length, ({ createdAt, id }) => [
          createdAt,
          id,
        ]);
        const items = page.items.map((intent) => toIntent(intent, ctx.settings.publicUrl));
        if (paymentId !== undefined && items.some((intent) => isDark(intent, ctx))) throw AnswerLost.with({});
        return { ...page, items };
      }),
    ledger: ({ apiKey, paymentId, cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        checkKey(apiKey, ctx);
        const after = cursor === undefined ? 0 : decodeCursor(cursor, ["number"])[0];
        const page = pageFrom(await findEntries(db, { paymentId, after, limit }), limit, (entry) => [entry.position]);
        const items = page.items.map((entry) => ({
          position: entry.position,
          intentId: entry.intent_id,
          ...(entry.payment_id === null ? {} : { paymentId: entry.payment_id }),
          ...(entry.order_id === null ? {} : { orderId: entry.order_id }),
          kind: entry.kind,
          amount: entry.amount,
          currency: entry.currency,
          at: toInstant(entry.at),
        }));
        return { ...page, items };
      }),
    challengePage: ({ intentId }, ctx) =>
      ctx.read(async (db) => {
        const found = await findIntent(db, intentId);
        if (found === undefined) throw NoIntent.with({ intentId });
        return { content: challengePage(found) };
      }),
    cards: async () => ({
      items: TEST_CARDS.map(({ token, title, description }) => ({ token, title, description })),
    }),
  },
  jobs: [
    { name: "deliverWebhooks", everyMs: 100, deadlineMs: 60_000, run: deliver },
    { name: "settle", everyMs: 200, run: settleDue },
  ],
});

function timesOf(ctx: Ctx): Times {
  return { now: ctx.now(), shortMs: shortDelayOf(ctx.settings), longMs: longDelayOf(ctx.settings) };
}

/** Checks the key, then changes an intent in one transaction. */
function withIntent(
  ctx: Ctx,
  apiKey: string | undefined,
  intentId: string,
  change: (intent: StoredIntent) => Outcome,
): Promise<Intent> {
  checkKey(apiKey, ctx);
  return ctx.transaction(async (tx) => {
    const outcome = change(await loadIntent(tx, intentId));
    await applyOutcome(tx, outcome, ctx);
    return toIntent(outcome.intent, ctx.settings.publicUrl);
  });
}

/** Looks at every key for the same time, so that the time does not tell how much of one was guessed. */
function checkKey(apiKey: string | undefined, { settings, crypto }: Pick<Ctx, "settings" | "crypto">): void {
  const given = crypto.sha256(apiKey ?? "");
  let isKnown = false;
  for (const key of settings.apiKeys) {
    if (crypto.timingSafeEqual(given, crypto.sha256(key))) isKnown = true;
  }
  if (apiKey === undefined || !isKnown) throw BadApiKey.with({});
}
