/** orders: what was bought, for how much, and what became of it. Event-sourced: the log is the order. */
import {
  command,
  contract,
  event,
  fault,
  http,
  owner,
  permission,
  query,
  services,
  user,
} from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Email, Money, OrderLine, Totals, Address, Currency, pageFields, pageOf } from "../shared/mod.ts";
import { FULFILMENT_STATES, LIFECYCLES, OrderDraft, OrderId, OrderSummary, OrderView } from "./schemas.ts";

export { OrderDraft, OrderView } from "./schemas.ts";

/** No order by that name. */
export const NoOrder = fault("orders/no-order", {
  kind: "missing",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `There is no order ${orderId}.`,
});

/** The order is past the point where this could be done. */
export const WrongState = fault("orders/wrong-state", {
  kind: "conflict",
  data: t.object({ orderId: OrderId, lifecycle: t.oneOf(LIFECYCLES), fulfilment: t.oneOf(FULFILMENT_STATES) }),
  message: ({ orderId, lifecycle, fulfilment }) =>
    `Order ${orderId} is ${lifecycle} and its goods are ${fulfilment}, so this cannot be done. Look at it again.`,
});

/** The sums of the draft do not add up: the checkout that made it has a bug. */
export const DoesNotAddUp = fault("orders/does-not-add-up", {
  kind: "broken",
  data: t.object({ orderId: OrderId, detail: t.text() }),
  message: ({ orderId, detail }) => `Order ${orderId} does not add up: ${detail}.`,
});

/** The order was given up before it was opened. */
export const OrderAbandoned = fault("orders/abandoned", {
  kind: "conflict",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `Order ${orderId} was given up. Begin again with a new order.`,
});

const read = permission("orders.read");
const manage = permission("orders.manage");
const Reason = t.text({ minLength: 1, maxLength: 200 });
const Stage = t.object({ orderId: OrderId, lifecycle: t.oneOf(LIFECYCLES) });

export const orders = contract("orders", {
  version: "1.0.0",
  summary: "Orders: their history, and where they stand.",
  permissions: {
    "orders.read": "See all orders and sales figures.",
    "orders.manage": "Cancel, hold and annotate any order.",
  },
  commands: {
    /** Notes what is about to be bought. Nothing is promised yet. */
    open: command({
      input: OrderDraft,
      output: Stage,
      faults: [DoesNotAddUp, OrderAbandoned],
      allow: [services("checkout")],
      criticality: "critical",
    }),
    /** The order stands: paid for, and its stock allocated. */
    place: command({
      input: t.object({ orderId: OrderId, paymentId: t.text({ maxLength: 64 }) }),
      output: Stage,
      faults: [NoOrder, WrongState],
      allow: [services("checkout")],
      criticality: "critical",
    }),
    /** Gives an order up that was not placed; one that was never opened never will be. */
    abandon: command({
      input: t.object({ orderId: OrderId, reason: Reason }),
      output: Stage,
      faults: [WrongState],
      allow: [services("checkout")],
      criticality: "critical",
    }),
    cancel: command({
      summary: "Cancel an order that has not left, and give the money back",
      input: t.object({ orderId: OrderId, reason: t.optional(Reason) }),
      output: OrderView,
      faults: [NoOrder, WrongState],
      allow: [owner, manage],
      criticality: "critical",
      deadlineMs: 12_000,
      http: http("POST /v1/orders/:orderId/cancel"),
    }),
    hold: command({
      summary: "Stop an order, for a look",
      input: t.object({ orderId: OrderId, reason: Reason }),
      output: OrderView,
      faults: [NoOrder, WrongState],
      allow: [manage],
      http: http("POST /v1/orders/:orderId/hold"),
    }),
    resume: command({
      summary: "Let a held order go on",
      input: t.object({ orderId: OrderId }),
      output: OrderView,
      faults: [NoOrder, WrongState],
      allow: [manage],
      http: http("POST /v1/orders/:orderId/resume"),
    }),
    addNote: command({
      summary: "Add a note",
      input: t.object({ orderId: OrderId, text: t.text({ minLength: 1, maxLength: 1_000 }) }),
      output: OrderView,
      faults: [NoOrder],
      allow: [manage],
      http: http("POST /v1/orders/:orderId/notes", { status: 201 }),
    }),
  },
  queries: {
    get: query({
      summary: "An order",
      input: t.object({ orderId: OrderId }),
      output: OrderView,
      faults: [NoOrder],
      allow: [owner, read, services("checkout")],
      criticality: "high",
      http: http("GET /v1/orders/:orderId", { etag: "version" }),
    }),
    history: query({
      summary: "What happened to an order",
      input: t.object({ orderId: OrderId }),
      output: t.object({
        items: t.array(
          t.object({ sequence: t.integer(), type: t.text(), at: t.instant(), by: t.text(), data: t.unknown() }),
        ),
      }),
      faults: [NoOrder],
      allow: [owner, read],
      http: http("GET /v1/orders/:orderId/history"),
    }),
    mine: query({
      summary: "My orders, newest first",
      input: t.object({ ...pageFields }),
      output: pageOf(OrderSummary),
      allow: [user],
      http: http("GET /v1/orders"),
    }),
    all: query({
      summary: "All orders, newest first",
      input: t.object({ lifecycle: t.optional(t.oneOf(LIFECYCLES)), email: t.optional(Email), ...pageFields }),
      output: pageOf(OrderSummary),
      allow: [read],
      http: http("GET /v1/admin/orders"),
    }),
    sales: query({
      summary: "Sales by day",
      input: t.object({ days: t.optional(t.integer({ minimum: 1, maximum: 366 })) }),
      output: t.object({
        items: t.array(
          t.object({
            day: t.text(),
            currency: Currency,
            placed: t.integer(),
            cancelled: t.integer(),
            revenue: t.integer({ description: "Minor units, cancelled orders taken off." }),
          }),
        ),
      }),
      allow: [read],
      criticality: "sheddable",
      staleMaxMs: 60_000,
      http: http("GET /v1/admin/sales"),
    }),
  },
  events: {
    opened: event({ summary: "A checkout noted what it is about to sell.", key: "orderId", data: OrderDraft }),
    placed: event({
      summary: "The order stands: paid for, and its stock allocated.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        number: t.text(),
        subject: t.text(),
        email: Email,
        currency: Currency,
        lines: t.array(OrderLine),
        totals: Totals,
        shippingAddress: Address,
        shippingOption: t.object({ code: t.text(), label: t.text(), carrier: t.text(), price: Money }),
        paymentId: t.text(),
      }),
    }),
    abandoned: event({
      summary: "The order was given up before it was placed.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reason: Reason }),
    }),
    cancelRequested: event({
      summary: "Somebody asked to cancel the order.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reason: Reason, by: t.text() }),
    }),
    cancelRefused: event({
      summary: "The order could not be cancelled: the parcel has left.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reason: Reason }),
    }),
    cancelled: event({
      summary: "The placed order was cancelled: money and stock go back.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        number: t.text(),
        subject: t.text(),
        email: Email,
        totals: Totals,
        reason: Reason,
        placedAt: t.instant(),
      }),
    }),
    held: event({ key: "orderId", data: t.object({ orderId: OrderId, reason: Reason, by: t.text() }) }),
    resumed: event({ key: "orderId", data: t.object({ orderId: OrderId, by: t.text() }) }),
    paymentChanged: event({
      summary: "The payment's sums changed.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        paymentId: t.text(),
        authorized: t.integer(),
        captured: t.integer(),
        refunded: t.integer(),
        voided: t.boolean(),
      }),
    }),
    refunded: event({
      summary: "Money went back to the customer.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        number: t.text(),
        subject: t.text(),
        email: Email,
        amount: Money,
        refundedTotal: Money,
      }),
    }),
    fulfilmentChanged: event({
      summary: "The goods moved.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        fulfilment: t.oneOf(FULFILMENT_STATES),
        trackingNumber: t.optional(t.text()),
      }),
    }),
    completed: event({
      summary: "Delivered and paid: nothing is left to do.",
      key: "orderId",
      data: t.object({ orderId: OrderId, subject: t.text() }),
    }),
    noteAdded: event({ key: "orderId", data: t.object({ orderId: OrderId, text: t.text(), by: t.text() }) }),
  },
});
