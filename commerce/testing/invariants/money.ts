/** Invariants 8 to 14 as far as they are about money: ours, the provider's, and the orders'. */
import { type Fact, fold } from "../../payments/domain.ts";
import { auditOf } from "../../payments/journal.ts";
import { type ShopData, type Violation, grouped } from "./data.ts";
import { type OrderRecord, stands } from "./orders-log.ts";

/** A payment as payments sums it up. */
export interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly authorized: number;
  readonly captured: number;
  readonly refunded: number;
  readonly voided: number;
}

/** What the provider says that it did for a payment. */
export interface ProviderSums {
  readonly authorized: number;
  readonly captured: number;
  readonly released: number;
  readonly refunded: number;
}

const NOTHING: ProviderSums = { authorized: 0, captured: 0, released: 0, refunded: 0 };

/** Money of the customer's that somebody has: held or taken, and not given back. */
const kept = ({ authorized, released, refunded }: ProviderSums): number => authorized - released - refunded;

/** All payments, by id. */
export function readPayments(data: ShopData): ReadonlyMap<string, PaymentRow> {
  const rows = data.rows<PaymentRow>(
    "payments",
    "SELECT id, order_id, amount, currency, status, authorized, captured, refunded, voided FROM payment",
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** The provider's own ledger, by our payment ids. */
export function readProvider(data: ShopData): ReadonlyMap<string, ProviderSums> {
  const rows = data.rows<ProviderSums & { payment_id: string | null }>(
    "sandboxpay",
    `SELECT payment_id,
       SUM(CASE kind WHEN 'authorize' THEN amount ELSE 0 END) AS authorized,
       SUM(CASE kind WHEN 'capture' THEN amount ELSE 0 END) AS captured,
       SUM(CASE kind WHEN 'release' THEN amount ELSE 0 END) AS released,
       SUM(CASE kind WHEN 'refund' THEN amount WHEN 'refund_failed' THEN -amount ELSE 0 END) AS refunded
     FROM ledger GROUP BY payment_id`,
  );
  return new Map(rows.map((row) => [row.payment_id ?? "", row]));
}

/** 8: at every instant, nothing is taken that was not held, nothing given back that was not taken. */
export function paymentBounds(data: ShopData): Violation[] {
  return [...readPayments(data).values()].flatMap((payment) => {
    const { id, authorized, captured, refunded, voided, status, amount } = payment;
    const problems = [
      ...(captured > authorized ? ["more was captured than authorized"] : []),
      ...(refunded > captured ? ["more was refunded than captured"] : []),
      ...(status === "voided" && captured !== 0 ? ["it is voided and was captured"] : []),
      ...(authorized > amount ? ["more was authorized than asked for"] : []),
      ...(voided < 0 || voided > authorized ? ["more was let go than held"] : []),
    ];
    return problems.map((what) => ({ invariant: 8, what, subject: `payment ${id}` }));
  });
}

/** 11: each payment's summary is what its ledger says, and its books balance. */
export function paymentBooks(data: ShopData): Violation[] {
  const facts = grouped(
    data.rows<Fact & { payment_id: string }>(
      "payments",
      "SELECT payment_id, kind, phase, ref, amount, detail FROM payment_ledger",
    ),
    (row) => row.payment_id,
  );
  return [...readPayments(data).values()].flatMap((payment) => {
    const ledger = facts.get(payment.id) ?? [];
    const state = fold(ledger);
    const problems = [...auditOf(ledger, state)];
    for (const sum of ["authorized", "captured", "refunded", "voided"] as const) {
      if (state[sum] !== payment[sum]) problems.push(`${sum} is ${payment[sum]}, by the ledger ${state[sum]}`);
    }
    if (payment.order_id !== "" && state.status !== payment.status) {
      problems.push(`it is ${payment.status}, by the ledger ${state.status}`);
    }
    return problems.map((what) => ({ invariant: 11, what, subject: `payment ${payment.id}` }));
  });
}

/** 9: each order adds up, in integers of one currency. */
export function orderSums(orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  return [...orders.values()].flatMap(({ orderId, draft }) => {
    if (draft === undefined) return [];
    const { lines, totals, currency } = draft;
    const { subtotal, discount, shipping, tax, total } = totals;
    const amounts = [
      ...Object.values(totals),
      ...lines.flatMap((line) => [line.unitPrice, line.discount, line.tax, line.total]),
    ];
    const gross = add(lines.map(({ unitPrice, quantity }) => unitPrice.amount * quantity));
    const off = add(lines.map((line) => line.discount.amount));
    const taxes = add(lines.map((line) => line.tax.amount));
    const net = add(lines.map((line) => line.total.amount));
    const problems = [
      ...(amounts.some(({ amount }) => !Number.isSafeInteger(amount) || amount < 0)
        ? ["an amount is no count of minor units"]
        : []),
      ...(amounts.some((amount) => amount.currency !== currency) ? ["there are two currencies in it"] : []),
      ...(gross === subtotal.amount ? [] : [`the lines cost ${gross}, the subtotal is ${subtotal.amount}`]),
      ...(off === discount.amount ? [] : [`the lines' discounts are ${off}, the order's ${discount.amount}`]),
      ...(taxes === tax.amount ? [] : [`the lines' taxes are ${taxes}, the order's ${tax.amount}`]),
      ...(net + shipping.amount === total.amount
        ? []
        : [`lines and shipping are ${net + shipping.amount}, the total is ${total.amount}`]),
      ...(subtotal.amount - discount.amount + shipping.amount + tax.amount === total.amount
        ? []
        : ["the totals do not add up"]),
    ];
    return problems.map((what) => ({ invariant: 9, what, subject: `order ${orderId}` }));
  });
}

const add = (amounts: readonly number[]): number => amounts.reduce((sum, amount) => sum + amount, 0);

/** 10: what the order costs is what was asked of the provider, and what it has noted. */
export function amountsAsked(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const intents = data
    .rows<{ payment_id: string | null; body: string }>("sandboxpay", "SELECT payment_id, body FROM intent")
    .map(({ payment_id: paymentId, body }) => {
      const { amount, currency } = JSON.parse(body) as { amount: number; currency: string };
      return { paymentId: paymentId ?? "", amount, currency };
    });
  const asked = grouped(intents, ({ paymentId }) => paymentId);
  return [...readPayments(data).values()].flatMap(({ id, order_id: orderId, amount, currency }) => {
    if (orderId === "") return [];
    const total = orders.get(orderId)?.draft?.totals.total;
    const subject = `payment ${id}`;
    const found: Violation[] = [];
    if (total?.amount !== amount || total.currency !== currency) {
      found.push({
        invariant: 10,
        what: `the order costs ${total?.amount ?? "nothing"}, the payment is over ${amount}`,
        subject,
      });
    }
    for (const intent of asked.get(id) ?? []) {
      if (intent.amount !== amount || intent.currency.toUpperCase() !== currency.toUpperCase()) {
        found.push({
          invariant: 10,
          what: `the payment is over ${amount}, the provider's record over ${intent.amount}`,
          subject,
        });
      }
    }
    return found;
  });
}

/** 11: the provider's ledger and ours say the same of each payment, and so do the sums over all. */
export function ledgersAgree(data: ShopData): Violation[] {
  const ours = readPayments(data);
  const theirs = readProvider(data);
  const found: Violation[] = [];
  for (const { id, amount, authorized, captured, refunded, voided } of ours.values()) {
    const sums = theirs.get(id) ?? NOTHING;
    if (amount === 0 && sums.authorized === 0) continue;
    const pairs = { authorized, captured, refunded, released: voided };
    for (const [name, mine] of Object.entries(pairs) as [keyof ProviderSums, number][]) {
      if (mine !== sums[name]) {
        found.push({
          invariant: 11,
          what: `${name}: ours is ${mine}, the provider's ${sums[name]}`,
          subject: `payment ${id}`,
        });
      }
    }
  }
  for (const [id, sums] of theirs) {
    if (!ours.has(id) && kept(sums) !== 0) {
      found.push({
        invariant: 11,
        what: "the provider has money for a payment that we do not know",
        subject: `payment ${id}`,
      });
    }
  }
  return found;
}

/** 11, over all: what customers paid, less what they got back, is what the orders say was captured. */
export function ordersKnowTheirMoney(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const theirs = readProvider(data);
  const perOrder = grouped(readPayments(data).values(), (payment) => payment.order_id);
  return [...orders.values()].flatMap(({ orderId, events, draft }) => {
    if (draft === undefined) return [];
    const said = events.findLast(({ type }) => type === "paymentChanged")?.data as
      | { captured: number; refunded: number }
      | undefined;
    const sums = (perOrder.get(orderId) ?? []).map(({ id }) => theirs.get(id) ?? NOTHING);
    const net = add(sums.map(({ captured, refunded }) => captured - refunded));
    const told = (said?.captured ?? 0) - (said?.refunded ?? 0);
    return net === told
      ? []
      : [{ invariant: 11, what: `the provider kept ${net}, the order says ${told}`, subject: `order ${orderId}` }];
  });
}

/** 12 and 13: a standing order has one payment, held or taken in full; an order is never paid twice. */
export function ordersPaidOnce(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const theirs = readProvider(data);
  const perOrder = grouped(readPayments(data).values(), (payment) => payment.order_id);
  const found: Violation[] = [];
  for (const [orderId, payments] of perOrder) {
    const paying = payments.filter(({ id }) => kept(theirs.get(id) ?? NOTHING) > 0);
    if (orderId !== "" && paying.length > 1) {
      found.push({ invariant: 12, what: `${paying.length} payments were kept for it`, subject: `order ${orderId}` });
    }
  }
  for (const order of orders.values()) {
    if (order.draft === undefined || !stands(order) || order.draft.totals.total.amount === 0) continue;
    const total = order.draft.totals.total.amount;
    const sums = theirs.get(order.paymentId ?? "") ?? NOTHING;
    const subject = `order ${order.orderId}`;
    if (sums.authorized !== total) {
      found.push({
        invariant: 13,
        what: `it stands for ${total}, the provider holds or took ${sums.authorized}`,
        subject,
      });
    } else if (sums.captured !== 0 && sums.captured !== total) {
      found.push({ invariant: 13, what: `it costs ${total}, captured were ${sums.captured}`, subject });
    } else if (sums.captured === 0 && sums.released !== 0) {
      found.push({ invariant: 13, what: "it stands and its money was let go", subject });
    }
  }
  return found;
}

/** 13 and 14: money that is kept is for an order that stands. */
export function noMoneyOfLosers(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const payments = readPayments(data);
  const found: Violation[] = [];
  for (const [id, sums] of readProvider(data)) {
    if (kept(sums) <= 0) continue;
    const order = orders.get(payments.get(id)?.order_id ?? "");
    const what = `the provider ${sums.captured > 0 ? "took" : "holds"} ${kept(sums)}`;
    if (order === undefined) found.push({ invariant: 13, what: `${what} without an order`, subject: `payment ${id}` });
    else if (!stands(order)) {
      found.push({
        invariant: 14,
        what: `${what} for an order that is ${order.lifecycle}`,
        subject: `order ${order.orderId}`,
      });
    } else if (order.paymentId !== id) {
      found.push({
        invariant: 12,
        what: `${what} by a payment that the order does not name`,
        subject: `order ${order.orderId}`,
      });
    }
  }
  return found;
}
