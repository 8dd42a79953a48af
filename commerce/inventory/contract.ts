/**
 * inventory: owns every stock number. No other service writes one, or keeps its own count.
 * Stock is held for an order while it is paid, allocated when it is, and leaves when it is shipped.
 */
import { anyone, command, contract, event, http, permission, query, services } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { PAGE_LIMIT_MAX, Quantity, Sku, pageFields, pageOf } from "../shared/mod.ts";
import {
  Contended,
  LineExceeded,
  LocationTaken,
  NoLocation,
  NoReservation,
  ReservationClosed,
  ReservationDiffers,
  StockHeld,
  StockShort,
} from "./faults.ts";
import {
  Availability,
  Count,
  LINES_MAX,
  Level,
  Line,
  Lines,
  Location,
  LocationCode,
  Movement,
  OrderId,
  Reason,
  Reservation,
  ReservationState,
  State,
} from "./schemas.ts";

export {
  Contended,
  LineExceeded,
  LocationTaken,
  NoLocation,
  NoReservation,
  ReservationClosed,
  ReservationDiffers,
  StockHeld,
  StockShort,
} from "./faults.ts";
export { Availability, LINES_MAX, Line } from "./schemas.ts";

const manage = permission("inventory.manage");

export const inventory = contract("inventory", {
  version: "1.0.0",
  summary: "Stock by location, held for orders and never sold twice.",
  permissions: { "inventory.manage": "See and change stock, its locations and its ledger." },
  commands: {
    /** Holds stock for an order while it is paid: all lines, or none. Asked again with the same lines it says the same. */
    reserve: command({
      summary: "Hold stock for an order",
      input: t.object({
        orderId: OrderId,
        lines: Lines,
        ttlMs: t.integer({
          minimum: 1_000,
          maximum: 86_400_000,
          description: "How long it is held unless committed.",
        }),
      }),
      output: t.object({ reservationId: t.id(), expiresAt: t.instant() }),
      faults: [StockShort, ReservationClosed, ReservationDiffers, Contended],
      allow: [services("checkout")],
      criticality: "critical",
      deadlineMs: 2_000,
    }),
    /** Allocates what is held: the order is paid. If the hold expired meanwhile it is taken anew, if there is enough. */
    commit: command({
      summary: "Allocate an order's stock",
      input: t.object({ orderId: OrderId }),
      output: State,
      faults: [NoReservation, ReservationClosed, StockShort, Contended],
      allow: [services("checkout")],
      criticality: "critical",
      deadlineMs: 2_000,
    }),
    /** Gives back what is held or allocated and has not left. For an order that never asked: it never may. */
    release: command({
      summary: "Give an order's stock back",
      input: t.object({ orderId: OrderId, reason: Reason }),
      output: State,
      allow: [services("checkout", "orders", "shipping"), manage],
      criticality: "critical",
      deadlineMs: 2_000,
      http: http("POST /v1/inventory/reservations/:orderId/release"),
    }),
    /** Allocated pieces leave: those named, or all. */
    fulfil: command({
      summary: "Ship an order's stock",
      input: t.object({ orderId: OrderId, lines: t.optional(Lines) }),
      output: State,
      faults: [NoReservation, ReservationClosed, LineExceeded],
      allow: [services("shipping")],
      criticality: "high",
      deadlineMs: 2_000,
    }),
    /** Shipped pieces come back and can be sold again. */
    restock: command({
      summary: "Take an order's pieces back",
      input: t.object({ orderId: OrderId, lines: Lines, reason: Reason }),
      output: State,
      faults: [NoReservation, LineExceeded],
      allow: [services("orders", "shipping"), manage],
      criticality: "normal",
      deadlineMs: 2_000,
      http: http("POST /v1/inventory/reservations/:orderId/restock"),
    }),
    createLocation: command({
      summary: "Add a location",
      input: Location,
      output: t.object({ code: LocationCode }),
      faults: [LocationTaken],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("POST /v1/inventory/locations", { status: 201 }),
    }),
    /** Pieces arrive from a supplier. A variant's first arrival may set its safety stock and when it counts as low. */
    receive: command({
      summary: "Receive stock",
      input: t.object({
        lines: t.array(
          t.object({
            sku: Sku,
            location: LocationCode,
            quantity: t.integer({
              minimum: 0,
              maximum: 1_000_000,
              description: "0 only makes the level known.",
            }),
            safety: t.optional(t.integer({ minimum: 0, maximum: 1_000_000 })),
            lowAt: t.optional(t.integer({ minimum: 0, maximum: 1_000_000 })),
          }),
          { minItems: 1, maxItems: LINES_MAX },
        ),
        reason: Reason,
      }),
      output: t.object({ received: Count }),
      faults: [NoLocation],
      allow: [manage],
      deadlineMs: 5_000,
      http: http("POST /v1/inventory/receipts"),
    }),
    /** Corrects what is on hand after a count, or writes broken pieces off. Never below what orders hold. */
    adjust: command({
      summary: "Correct stock",
      input: t.object({
        sku: Sku,
        location: LocationCode,
        change: t.integer({ minimum: -1_000_000, maximum: 1_000_000 }),
        kind: t.oneOf(["adjust", "write-off"]),
        reason: Reason,
      }),
      output: Level,
      faults: [NoLocation, StockHeld],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("POST /v1/inventory/adjustments"),
    }),
    transfer: command({
      summary: "Move stock between locations",
      input: t.object({
        sku: Sku,
        from: LocationCode,
        to: LocationCode,
        quantity: Quantity,
        reason: Reason,
      }),
      output: t.object({ from: Level, to: Level }),
      faults: [NoLocation, StockHeld],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("POST /v1/inventory/transfers"),
    }),
    setPolicy: command({
      summary: "Set safety stock and the low mark",
      input: t.object({
        sku: Sku,
        location: LocationCode,
        safety: t.integer({ minimum: 0, maximum: 1_000_000 }),
        lowAt: t.integer({ minimum: 0, maximum: 1_000_000 }),
      }),
      output: Level,
      faults: [NoLocation],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("PUT /v1/inventory/levels/:sku/:location/policy"),
    }),
  },
  queries: {
    availability: query({
      summary: "What is left of some variants",
      input: t.object({ skus: t.array(Sku, { minItems: 1, maxItems: PAGE_LIMIT_MAX * 10 }) }),
      output: t.object({ items: t.array(Availability) }),
      allow: [anyone],
      deadlineMs: 1_000,
      criticality: "normal",
      http: http("GET /v1/availability"),
    }),
    /** What is held for one order, and where: from which location to ship. */
    reservation: query({
      summary: "Show an order's stock",
      input: t.object({ orderId: OrderId }),
      output: Reservation,
      faults: [NoReservation],
      allow: [services("checkout", "orders", "shipping"), manage],
      criticality: "high",
      deadlineMs: 1_000,
      http: http("GET /v1/inventory/reservations/:orderId"),
    }),
    reservations: query({
      summary: "List reservations",
      input: t.object({ state: t.optional(ReservationState), ...pageFields }),
      output: pageOf(Reservation),
      allow: [manage],
      deadlineMs: 2_000,
      http: http("GET /v1/inventory/reservations"),
    }),
    locations: query({
      summary: "List locations",
      input: t.object({}),
      output: t.object({ items: t.array(Location) }),
      allow: [manage, services("shipping")],
      deadlineMs: 1_000,
      http: http("GET /v1/inventory/locations"),
    }),
    levels: query({
      summary: "List stock levels",
      input: t.object({ sku: t.optional(Sku), location: t.optional(LocationCode), ...pageFields }),
      output: pageOf(Level),
      allow: [manage],
      deadlineMs: 2_000,
      http: http("GET /v1/inventory/levels"),
    }),
    movements: query({
      summary: "Read the movement ledger",
      input: t.object({ sku: t.optional(Sku), orderId: t.optional(OrderId), ...pageFields }),
      output: pageOf(Movement),
      allow: [manage],
      deadlineMs: 2_000,
      http: http("GET /v1/inventory/movements"),
    }),
    /** Checks every number against the rows that it sums up. Empty unless something is broken. */
    audit: query({
      summary: "Check the stock's invariants",
      input: t.object({}),
      output: t.object({
        violations: t.array(t.object({ invariant: t.integer(), what: t.text(), subject: t.text() })),
      }),
      allow: [manage],
      criticality: "sheddable",
      deadlineMs: 10_000,
      http: http("GET /v1/inventory/audit"),
    }),
  },
  events: {
    stockReserved: event({
      summary: "Stock is held for an order.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        reservationId: t.id(),
        lines: t.array(Line),
        expiresAt: t.instant(),
      }),
    }),
    stockCommitted: event({
      summary: "An order's stock is allocated.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reservationId: t.id() }),
    }),
    stockReleased: event({
      summary: "An order's stock was given back.",
      key: "orderId",
      data: t.object({
        orderId: OrderId,
        reservationId: t.id(),
        reason: t.text({ maxLength: 200 }),
      }),
    }),
    stockExpired: event({
      summary: "A hold ran out before its order was paid.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reservationId: t.id() }),
    }),
    stockLow: event({
      summary: "Few pieces of a variant are left.",
      key: "sku",
      data: t.object({ sku: Sku, available: Count }),
    }),
    stockOut: event({
      summary: "Nothing of a variant is left.",
      key: "sku",
      data: t.object({ sku: Sku }),
    }),
    stockBack: event({
      summary: "A variant that was out can be bought again.",
      key: "sku",
      data: t.object({ sku: Sku, available: Count }),
    }),
  },
});
