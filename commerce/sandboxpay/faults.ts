/** The faults of the sandbox provider. */
import { fault } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { IntentStatus } from "./schemas.ts";

/** The request carries no key that the provider gave out. */
export const BadApiKey = fault("sandboxpay/bad-api-key", {
  kind: "denied",
  data: t.object({}),
  message: () => "The API key is missing or wrong: send it in the header Sandbox-Key.",
});

/** There is no such intent. */
export const NoIntent = fault("sandboxpay/no-intent", {
  kind: "missing",
  data: t.object({ intentId: t.text() }),
  message: ({ intentId }) => `There is no payment intent ${intentId}.`,
});

/** There is no such test token. */
export const NoCard = fault("sandboxpay/no-card", {
  kind: "invalid",
  data: t.object({ token: t.text() }),
  message: ({ token }) => `"${token}" is not a test token. GET /sandbox/pay/cards lists them.`,
});

/** The intent is in a state in which this cannot be done. */
export const WrongState = fault("sandboxpay/wrong-state", {
  kind: "conflict",
  data: t.object({ intentId: t.text(), status: IntentStatus, asked: t.text() }),
  message: ({ intentId, status, asked }) => `The payment intent ${intentId} is ${status}: it cannot ${asked} now.`,
});

/** More is asked for than there is. */
export const AmountTooLarge = fault("sandboxpay/amount-too-large", {
  kind: "conflict",
  data: t.object({ asked: t.integer(), available: t.integer() }),
  message: ({ asked, available }) => `${asked} was asked for, but only ${available} is there.`,
});

/** The answer is lost, on purpose: what was asked for may have happened. */
export const AnswerLost = fault("sandboxpay/answer-lost", {
  kind: "unavailable",
  data: t.object({}),
  message: () => "The answer got lost on its way. What was asked for may have happened.",
});
