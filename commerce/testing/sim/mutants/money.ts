/**
 * Mistakes in how payments are made and followed.
 *
 * Left out, because a ledger is a set of facts, so they change nothing: taking a webhook in twice, capturing without a key
 * (the provider refuses to take more than it holds), taking no answer for a refusal (the provider's webhook tells better, and
 * what it held is let go).
 */
import type { Mutant } from "./mutant.ts";

/** The mutants of payments. */
export const moneyMutants: readonly Mutant[] = [
  {
    name: "the provider is asked without a key",
    what: "a request whose answer was lost holds the money twice",
    file: "commerce/payments/sandbox-provider.ts",
    find: 'return this.#post("/payment_intents", body, `${paymentId}:authorise`);',
    replace: 'return this.#post("/payment_intents", body, undefined);',
  },
  {
    name: "late success is ignored",
    what: "money that came after the order was given up is kept",
    file: "commerce/payments/look.ts",
    find: "  if (givenUp) {",
    replace: "  if (givenUp && looks >= 0) return undefined;\n  if (givenUp) {",
  },
  {
    name: "the newest news replaces what was known",
    what: "a webhook that was overtaken takes a payment back to where it was",
    file: "commerce/payments/record.ts",
    find: "const after = fresh.length === 0 ? before : fold(all);",
    replace: "const after = fresh.length === 0 ? before : fold(change.facts);",
  },
  {
    name: "a payment is written as it was read before",
    what: "what came between reading and writing is lost",
    file: "commerce/payments/store.ts",
    find: "return current?.version === version ? before : ((await findKnown(tx, id)) ?? before);",
    replace: "return current === undefined ? ((await findKnown(tx, id)) ?? before) : before;",
  },
  {
    name: "a payment that is called off is not marked",
    what: "what succeeds later is nobody's",
    file: "commerce/payments/record.ts",
    find: "const givenUp = wasGivenUp || change.giveUp !== undefined;",
    replace: 'const givenUp = wasGivenUp || (change.giveUp !== undefined && after.status !== "processing");',
  },
  {
    name: "a refund gets a new key each time",
    what: "a refund whose answer was lost is made twice",
    file: "commerce/payments/commands.ts",
    find: "const ref = refundId ?? refOf(ctx);",
    replace: "const ref = refundId ?? ctx.ids.next();",
  },
  {
    name: "payments acknowledge a webhook before they store it",
    what: "a crash forgets what the provider was told is known",
    file: "commerce/payments/service.ts",
    find: `return ctx.transaction(async (tx) => {
        await receive(tx, { event, payload }, { now: ctx.now(), log: ctx.log });
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
      for (const webhook of waiting) {
        await ctx.transaction((tx) => receive(tx, webhook as never, { now: ctx.now(), log: ctx.log }));
      }
      return processWebhooks(ctx);
    } },`,
      },
      {
        find: "/** A connection carries out one statement at a time. */",
        replace:
          "const inMemory = new WeakMap<object, unknown[]>();\n\n/** A connection carries out one statement at a time. */",
      },
    ],
  },
  {
    name: "the provider notes a webhook as sent before it sends it",
    what: "a crash in between leaves the shop without the news",
    file: "commerce/sandboxpay/deliver.ts",
    find: "const results = await Promise.all(due.map((delivery) => send(delivery, ctx)));",
    replace: 'const results = due.map(() => "ok");\n  for (const delivery of due) void send(delivery, ctx);',
  },
];
