/**
 * Placing an order. Up to the pivot everything can be taken back, in reverse order; past it the order stands, and
 * what is left is repeated until it is done.
 *
 * The payment is authorised for exactly what the frozen cart costs. Whatever the provider says after this saga has
 * turned back is reversed by payments, because `payments.cancel` gave the payment up.
 */
import { saga, signal, type SagaContext } from "@isomer/kernel/saga";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { cart } from "../cart/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { orders } from "../orders/contract.ts";
import { payments } from "../payments/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { Money } from "../shared/mod.ts";
import { CalledOff, PaymentDeclined, PaymentTimedOut, checkout } from "./contract.ts";
import { draftOf } from "./draft.ts";
import { type Tables, completeAttempt, moveAttempt, setTotal } from "./store.ts";

/** What the saga calls. */
export type Uses = "cart" | "inventory" | "orders" | "payments" | "pricing";
type Saga = SagaContext<Uses, Tables>;

/** Stock is held for longer than all waiting, so that it cannot run out under a payment that succeeds. */
const HOLD_EXTRA_MS = 3 * 60_000;

/** What became of a payment that was waited for. */
export const paymentSettled = signal(
  "paymentSettled",
  t.object({ outcome: t.oneOf(["authorized", "declined", "calledOff"]), reason: t.text({ maxLength: 200 }) }),
);

const Input = t.object({
  checkoutId: t.id(),
  cartId: t.id(),
  subject: t.text(),
  orderId: t.text(),
  paymentId: t.text(),
  hash: t.text(),
  paymentToken: t.secret(t.text()),
  startedAt: t.integer(),
  actionTimeoutMs: t.integer(),
  unknownTimeoutMs: t.integer(),
});

const Output = t.object({ orderId: t.text(), total: Money });

/** The saga that places an order. */
export const placeOrder = saga<Tables, Uses>()("placeOrder", {
  input: Input,
  output: Output,
  run: place,
  // In the transaction that ends the saga: when the checkout is open again, everything is back where it was.
  settled: async (tx, { checkoutId, subject, orderId }, outcome, { id: sagaId, now }) => {
    const move = { sagaId, checkoutId, redirectUrl: null, now };
    if (outcome.status === "completed") {
      await tx.run(completeAttempt, { sagaId, checkoutId, ...outcome.output.total, now });
      await tx.emit(checkout.events.completed, { checkoutId, subject, orderId });
    } else {
      const { fault } = outcome;
      const status = fault.code === CalledOff.code ? "cancelled" : "open";
      await tx.run(moveAttempt, { ...move, status, problem: JSON.stringify(fault) });
      await tx.emit(checkout.events.failed, { checkoutId, subject, orderId, code: fault.code });
    }
  },
});

interface Attempt {
  readonly checkoutId: string;
  readonly cartId: string;
  readonly subject: string;
  readonly orderId: string;
  readonly paymentId: string;
  readonly hash: string;
  readonly paymentToken: string;
  /** How long a buyer has to approve a payment. */
  readonly actionTimeoutMs: number;
  /** How long a payment may stay unknown before the attempt is given up. */
  readonly unknownTimeoutMs: number;
}

async function place(s: Saga, attempt: Attempt): Promise<TypeOf<typeof Output>> {
  const { checkoutId, cartId, orderId, paymentId, subject, hash } = attempt;
  const reason = "the checkout came to nothing";
  const frozen = await s.step("freeze", cart.freeze({ cartId, checkoutId: s.id, hash }), {
    undo: () => cart.unfreeze({ cartId, checkoutId: s.id }),
  });
  const { draft, coupons } = draftOf(frozen, { orderId, checkoutId, subject });
  await s.step("open", orders.open(draft), { undo: () => orders.abandon({ orderId, reason }) });
  const lines = draft.lines.map(({ sku, quantity }) => ({ sku, quantity }));
  const ttlMs = attempt.actionTimeoutMs + attempt.unknownTimeoutMs + HOLD_EXTRA_MS;
  await s.step("reserve", inventory.reserve({ orderId, lines, ttlMs }), {
    undo: () => inventory.release({ orderId, reason }),
  });
  if (coupons.length > 0) {
    await s.step("holdCoupons", pricing.holdCoupons({ orderId, codes: coupons, customer: subject, ttlMs }), {
      undo: () => pricing.releaseCoupons({ orderId, reason }),
    });
  }
  const method = { token: attempt.paymentToken };
  const amount = draft.totals.total;
  await s.step(
    "createPayment",
    payments.create({ paymentId, orderId, checkoutId: s.id, amount, customer: subject, method }),
    {
      undo: () => payments.cancel({ paymentId, reason }),
    },
  );
  await authorise(s, attempt);
  await s.pivot();
  await s.step("commitStock", inventory.commit({ orderId }));
  if (coupons.length > 0) await s.step("commitCoupons", pricing.commitCoupons({ orderId }));
  await s.step("placeOrder", orders.place({ orderId, paymentId }));
  await s.step("completeCart", cart.complete({ cartId, checkoutId: s.id, orderId }));
  // The order stands, so it may be cancelled already, and the payment called off: then there is nothing to be taken.
  await s.step("capture", payments.capture({ paymentId, orLeave: true }));
  return { orderId, total: amount };
}

/** Gets the money held, waiting for the buyer or the provider where need be. */
async function authorise(s: Saga, attempt: Attempt): Promise<void> {
  const { checkoutId, subject, orderId, paymentId } = attempt;
  const payment = await s.step("authorise", payments.authorise({ paymentId }));
  if (payment.status === "authorized") return;
  if (payment.status === "declined" || payment.status === "failed" || payment.status === "canceled") {
    throw PaymentDeclined.with({ reason: payment.declineCode ?? payment.status });
  }
  const needsBuyer = payment.status === "requires_action";
  if (needsBuyer) {
    const now = await s.now("actionAt");
    await s.local("askBuyer", async (tx) => {
      const redirectUrl = payment.redirectUrl ?? null;
      const about = { sagaId: s.id, checkoutId };
      await tx.run(moveAttempt, { ...about, status: "requires_action", redirectUrl, problem: null, now });
      await tx.run(setTotal, { ...about, ...payment.amount });
      await tx.emit(checkout.events.requiresAction, { checkoutId, subject, orderId });
    });
  }
  const timeoutMs = needsBuyer ? attempt.actionTimeoutMs : attempt.unknownTimeoutMs;
  const settled = await s.wait("settled", paymentSettled, { timeoutMs });
  if (settled === undefined) throw PaymentTimedOut.with({ waitedMs: timeoutMs });
  if (settled.outcome === "calledOff") throw CalledOff.with({});
  if (settled.outcome === "declined") throw PaymentDeclined.with({ reason: settled.reason });
}
