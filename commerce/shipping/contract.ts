/** shipping: what sending costs, the shipments of placed orders, and where their parcels are. */
import {
  anyone,
  command,
  contract,
  event,
  fault,
  http,
  owner,
  permission,
  query,
  services,
} from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Country, Currency, Money, Quantity, Sku, Version, pageFields, pageOf } from "../shared/mod.ts";

const OrderId = t.text({ minLength: 1, maxLength: 64 });

/** The code of a way of sending, unique within the shop. */
export const OptionCode = t.text({
  minLength: 1,
  maxLength: 40,
  pattern: "^[a-z0-9][a-z0-9-]*$",
  examples: ["standard"],
});

/** A way of sending that is on offer for a cart. */
export const ShippingOption = t.object({
  code: OptionCode,
  label: t.text({ maxLength: 120 }),
  carrier: t.text({ maxLength: 40 }),
  price: Money,
  daysMin: t.integer({ minimum: 0 }),
  daysMax: t.integer({ minimum: 0 }),
});
/** A way of sending that is on offer for a cart. */
export type ShippingOption = TypeOf<typeof ShippingOption>;

/** Where a shipment stands. The first three are the shop's, the others the carrier's. */
export const SHIPMENT_STATUSES = [
  "draft",
  "label_bought",
  "ready",
  "shipped",
  "in_transit",
  "out_for_delivery",
  "available_for_pickup",
  "exception",
  "delivered",
  "returned_to_sender",
  "lost",
  "cancelled",
] as const;
/** Where a shipment stands. */
export const ShipmentStatus = t.oneOf(SHIPMENT_STATUSES);

/** One thing that the carrier, or the shop, said of a parcel. Personal data stays out of it. */
export const TrackingEntry = t.object({
  status: ShipmentStatus,
  at: t.instant(),
  place: t.optional(t.text({ maxLength: 120 })),
  message: t.text({ maxLength: 300 }),
});

/** A shipment of an order. */
export const Shipment = t.object({
  shipmentId: t.id(),
  orderId: OrderId,
  status: ShipmentStatus,
  carrier: t.text(),
  optionCode: OptionCode,
  trackingNumber: t.optional(t.text({ maxLength: 64 })),
  lines: t.array(t.object({ sku: Sku, quantity: Quantity })),
  version: Version,
  createdAt: t.instant(),
  updatedAt: t.instant(),
});
/** A shipment of an order. */
export type Shipment = TypeOf<typeof Shipment>;

const Amount = t.integer({ minimum: 0, maximum: 1_000_000_000, description: "Minor units of the currency." });

/** What a way of sending costs in a currency, within a zone. */
export const Rate = t.object({
  code: OptionCode,
  label: t.text({ minLength: 1, maxLength: 120 }),
  carrier: t.text({ minLength: 1, maxLength: 40 }),
  currency: Currency,
  price: Amount,
  perItem: t.optional(
    t.integer({ minimum: 0, maximum: 1_000_000, description: "For each piece after the first; 0 unless said." }),
  ),
  freeFrom: t.optional(Amount),
  daysMin: t.integer({ minimum: 0, maximum: 365 }),
  daysMax: t.integer({ minimum: 0, maximum: 365 }),
});
/** What a way of sending costs in a currency, within a zone. */
export type Rate = TypeOf<typeof Rate>;

/** Countries that cost the same. */
export const Zone = t.object({
  zone: t.text({ minLength: 1, maxLength: 40, pattern: "^[a-z][a-z0-9-]*$" }),
  countries: t.array(Country, { maxItems: 250 }),
  rates: t.array(Rate, { maxItems: 200 }),
});

/** No shipment by that name. */
export const NoShipment = fault("shipping/no-shipment", {
  kind: "missing",
  data: t.object({ what: t.text() }),
  message: ({ what }) => `There is no shipment ${what}.`,
});

/** The parcel has left, or the shipment is over: it cannot be cancelled or shipped any more. */
export const WrongStatus = fault("shipping/wrong-status", {
  kind: "conflict",
  data: t.object({ orderId: OrderId, status: ShipmentStatus }),
  message: ({ orderId, status }) => `The shipment of order ${orderId} is ${status}, so this cannot be done any more.`,
});

/** Somebody is looking at the order: nothing leaves until it goes on. */
export const OnHold = fault("shipping/on-hold", {
  kind: "conflict",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `Order ${orderId} is on hold. Let it go on first.`,
});

/** Nothing is sent to this country. */
export const NoService = fault("shipping/no-service", {
  kind: "conflict",
  data: t.object({ country: Country }),
  message: ({ country }) => `Nothing is sent to ${country} yet. Choose another address.`,
});

/** The webhook's signature does not fit. Nothing was stored. */
export const BadSignature = fault("shipping/bad-signature", {
  kind: "denied",
  data: t.object({}),
  message: () => "The signature does not fit the body, or is too old. Sign the raw body with the shared secret.",
});

/** The webhook is signed, but is not a carrier's event. Nothing was stored. */
export const BadEvent = fault("shipping/bad-event", {
  kind: "invalid",
  data: t.object({ detail: t.text() }),
  message: ({ detail }) => `The event cannot be read: ${detail}.`,
});

const manage = permission("shipping.manage");

const moved = (summary: string) =>
  event({
    summary,
    key: "orderId",
    data: t.object({
      shipmentId: t.id(),
      orderId: OrderId,
      subject: t.text(),
      carrier: t.text(),
      trackingNumber: t.text(),
      status: ShipmentStatus,
      at: t.instant(),
    }),
  });

export const shipping = contract("shipping", {
  version: "1.0.0",
  summary: "What sending costs, shipments, and where parcels are.",
  permissions: { "shipping.manage": "See all shipments, ship and cancel them." },
  commands: {
    /** Calls an order's shipment off. An order that has none yet never gets one. */
    cancelForOrder: command({
      input: t.object({ orderId: OrderId, reason: t.text({ maxLength: 200 }) }),
      output: t.object({ orderId: OrderId, cancelled: t.literal(true) }),
      faults: [WrongStatus],
      allow: [services("orders")],
      criticality: "critical",
    }),
    /** The parcel leaves: its stock is taken off the shelf, the carrier told, the buyer's tracking begins. */
    ship: command({
      summary: "Hand a shipment to the carrier",
      input: t.object({ shipmentId: t.id() }),
      output: Shipment,
      faults: [NoShipment, WrongStatus, OnHold],
      allow: [manage],
      deadlineMs: 10_000,
      http: http("POST /v1/shipments/:shipmentId/ship"),
    }),
    setRates: command({
      summary: "Replace the price lists of some zones",
      input: t.object({ zones: t.array(Zone, { minItems: 1, maxItems: 50 }) }),
      output: t.object({ changed: t.integer() }),
      allow: [manage],
      http: http("PUT /v1/shipping/rates"),
    }),
    receiveWebhook: command({
      summary: "Take a signed event of the carrier. It is stored before this answers.",
      input: t.object({
        payload: t.text({ maxLength: 65_536 }),
        signature: t.text({ minLength: 1, maxLength: 1_000 }),
      }),
      output: t.object({ received: t.literal(true) }),
      faults: [BadSignature, BadEvent],
      allow: [anyone],
      criticality: "critical",
      http: http("POST /v1/webhooks/carrier", {
        rawBody: "payload",
        headers: { signature: "isomer-signature" },
        bodyBytesMax: 65_536,
      }),
    }),
  },
  queries: {
    options: query({
      summary: "Ways of sending, and what they cost",
      input: t.object({
        country: Country,
        currency: Currency,
        subtotal: Money,
        items: t.integer({ minimum: 1, maximum: 1_000_000, description: "Pieces to be sent." }),
      }),
      output: t.object({ options: t.array(ShippingOption) }),
      faults: [NoService],
      allow: [anyone],
      criticality: "high",
      http: http("POST /v1/shipping/options"),
    }),
    rates: query({
      summary: "The price lists",
      input: t.object({}),
      output: t.object({ zones: t.array(Zone) }),
      allow: [manage],
      http: http("GET /v1/shipping/rates"),
    }),
    /** The shipments of an order: for its owner, once it is placed. */
    byOrder: query({
      summary: "Shipments of an order",
      input: t.object({ orderId: OrderId }),
      output: t.object({ items: t.array(Shipment) }),
      allow: [owner, manage, services("orders")],
      http: http("GET /v1/orders/:orderId/shipments"),
    }),
    track: query({
      summary: "Where a parcel is",
      input: t.object({ trackingNumber: t.text({ minLength: 6, maxLength: 64 }) }),
      output: t.object({
        trackingNumber: t.text(),
        carrier: t.text(),
        status: ShipmentStatus,
        history: t.array(TrackingEntry),
      }),
      faults: [NoShipment],
      allow: [anyone],
      criticality: "sheddable",
      http: http("GET /v1/tracking/:trackingNumber"),
    }),
    list: query({
      summary: "List shipments",
      input: t.object({ status: t.optional(ShipmentStatus), ...pageFields }),
      output: pageOf(Shipment),
      allow: [manage],
      http: http("GET /v1/shipments"),
    }),
  },
  events: {
    shipmentReady: moved("The label is bought: the parcel can be packed."),
    shipmentShipped: moved("The parcel was handed to the carrier."),
    shipmentMoved: moved("The parcel is on its way: in transit, out for delivery, or waiting to be picked up."),
    shipmentDelivered: moved("The parcel arrived."),
    shipmentException: moved("Something delays the parcel."),
    shipmentReturned: moved("The parcel went back, or is lost."),
    shipmentCancelled: event({
      summary: "The shipment was called off before it left.",
      key: "orderId",
      data: t.object({ orderId: OrderId, reason: t.text() }),
    }),
  },
});
