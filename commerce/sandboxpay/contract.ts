/**
 * sandboxpay: a payment provider to develop against. It behaves like a real one, over HTTP, with its own database:
 * it declines, asks the customer, answers late or not at all, and tells by signed webhooks, at least once, in any order.
 */
import { anyone, command, contract, http, query } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Currency, pageFields, pageOf } from "../shared/mod.ts";
import { AmountTooLarge, AnswerLost, BadApiKey, NoCard, NoIntent, WrongState } from "./faults.ts";
import { Intent, IntentStatus, Metadata, ProviderEntry } from "./schemas.ts";

export { AmountTooLarge, AnswerLost, BadApiKey, NoCard, NoIntent, WrongState } from "./faults.ts";
export { EVENT_TYPES, type EventType, Intent, Metadata, Movement, ProviderEntry, WebhookEvent } from "./schemas.ts";

/** The header that carries the signature of a webhook: `t=<unix seconds>,v1=<hex>`. */
export const SIGNATURE_HEADER = "isomer-signature";

/**
 * The header that carries the provider's API key. Not `Authorization`: behind one gateway with the shop, that header
 * is the shop's to judge.
 */
export const API_KEY_HEADER = "sandbox-key";

const apiKey = t.optional(t.secret(t.text({ maxLength: 300, description: "The API key of the shop's account." })));
const IntentId = t.text({ minLength: 1, maxLength: 64 });
const Token = t.text({ minLength: 1, maxLength: 200, description: "A test token, for example tok_success." });
const Amount = t.integer({ minimum: 1, description: "Minor units." });
const reference = t.optional(t.text({ maxLength: 300, description: "The caller's own id of this capture or refund." }));
const tag = "Sandbox payment provider";
/** Called by API key: the provider checks it itself, as an outside party would. */
const headers = { apiKey: API_KEY_HEADER };
const withKey = { headers, idempotencyKey: "optional" } as const;
const allow = [anyone];

const HTML = "text/html; charset=utf-8";
const Page = t.object({ content: t.text({ maxLength: 20_000 }) });

const commands = {
  createIntent: command({
    summary: "Makes a payment intent, and confirms it at once when `confirm` is true.",
    input: t.object({
      apiKey,
      amount: Amount,
      currency: Currency,
      token: t.optional(Token),
      confirm: t.optional(t.boolean()),
      returnUrl: t.optional(t.text({ maxLength: 1_000 })),
      metadata: t.optional(Metadata),
    }),
    output: Intent,
    faults: [BadApiKey, NoCard, AnswerLost],
    allow,
    tag,
    criticality: "critical",
    http: http("POST /sandbox/pay/payment_intents", withKey),
  }),
  confirmIntent: command({
    summary: "Tries to authorise an intent with a payment method.",
    input: t.object({ apiKey, intentId: IntentId, token: Token }),
    output: Intent,
    faults: [BadApiKey, NoIntent, NoCard, WrongState, AnswerLost],
    allow,
    tag,
    criticality: "critical",
    http: http("POST /sandbox/pay/payment_intents/:intentId/confirm", withKey),
  }),
  captureIntent: command({
    summary: "Takes what is held, or a part of it. Several captures may be made up to what was authorised.",
    input: t.object({ apiKey, intentId: IntentId, amount: t.optional(Amount), reference }),
    output: Intent,
    faults: [BadApiKey, NoIntent, WrongState, AmountTooLarge, AnswerLost],
    allow,
    tag,
    criticality: "critical",
    http: http("POST /sandbox/pay/payment_intents/:intentId/capture", withKey),
  }),
  cancelIntent: command({
    summary: "Calls an intent off, or lets go what is held and not captured. Refused while it is processing.",
    input: t.object({ apiKey, intentId: IntentId }),
    output: Intent,
    faults: [BadApiKey, NoIntent, WrongState],
    allow,
    tag,
    criticality: "critical",
    http: http("POST /sandbox/pay/payment_intents/:intentId/cancel", withKey),
  }),
  refund: command({
    summary: "Gives back what was captured, or a part of it.",
    input: t.object({ apiKey, intentId: IntentId, amount: t.optional(Amount), reference }),
    output: Intent,
    faults: [BadApiKey, NoIntent, WrongState, AmountTooLarge],
    allow,
    tag,
    criticality: "critical",
    http: http("POST /sandbox/pay/refunds", withKey),
  }),
  answerChallenge: command({
    summary: "What the customer does on the bank's 3-D Secure page: approves, or fails.",
    input: t.object({ intentId: IntentId, outcome: t.oneOf(["approve", "fail"]) }),
    output: t.object({ intentId: IntentId, status: IntentStatus, returnUrl: t.optional(t.text()) }),
    faults: [NoIntent, WrongState],
    allow,
    tag,
    http: http("POST /sandbox/pay/3ds/:intentId"),
  }),
  submitChallenge: command({
    summary: "The same, from the buttons of that page.",
    input: t.object({ intentId: IntentId, outcome: t.oneOf(["approve", "fail"]) }),
    output: Page,
    faults: [NoIntent],
    allow,
    tag,
    http: http("POST /sandbox/pay/3ds/:intentId/:outcome", { contentType: HTML }),
  }),
};

const queries = {
  retrieveIntent: query({
    summary: "A payment intent.",
    input: t.object({ apiKey, intentId: IntentId }),
    output: Intent,
    faults: [BadApiKey, NoIntent, AnswerLost],
    allow,
    tag,
    http: http("GET /sandbox/pay/payment_intents/:intentId", { headers }),
  }),
  listIntents: query({
    summary: "Payment intents, newest first; those of a payment or an order by their metadata.",
    input: t.object({
      apiKey,
      paymentId: t.optional(t.text({ maxLength: 100 })),
      orderId: t.optional(t.text({ maxLength: 100 })),
      ...pageFields,
    }),
    output: pageOf(Intent),
    faults: [BadApiKey, AnswerLost],
    allow,
    tag,
    http: http("GET /sandbox/pay/payment_intents", { headers }),
  }),
  ledger: query({
    summary: "The provider's own books, oldest first: to be compared with the shop's.",
    input: t.object({ apiKey, paymentId: t.optional(t.text({ maxLength: 100 })), ...pageFields }),
    output: pageOf(ProviderEntry),
    faults: [BadApiKey],
    allow,
    tag,
    http: http("GET /sandbox/pay/ledger", { headers }),
  }),
  challengePage: query({
    summary: "The bank's 3-D Secure page, for the customer's browser.",
    input: t.object({ intentId: IntentId }),
    output: Page,
    faults: [NoIntent],
    allow,
    tag,
    http: http("GET /sandbox/pay/3ds/:intentId", { contentType: HTML }),
  }),
  cards: query({
    summary: "The test tokens, and what each makes the provider do.",
    input: t.object({}),
    output: t.object({
      items: t.array(t.object({ token: Token, title: t.text(), description: t.text() })),
    }),
    allow,
    tag,
    http: http("GET /sandbox/pay/cards"),
  }),
};

/** The contract of the sandbox provider. */
export const sandboxpay = contract("sandboxpay", {
  version: "1.0.0",
  summary: "A payment provider to develop against: test tokens, 3-D Secure, signed webhooks.",
  commands,
  queries,
});
