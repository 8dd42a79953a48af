/**
 * sandboxship: a carrier to develop against. It behaves like a real one, over HTTP, with its own database: it sells
 * labels, moves parcels along by itself, and tells by signed webhooks, at least once, in any order.
 */
import { anyone, command, contract, fault, http, query } from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Address, pageFields, pageOf } from "../shared/mod.ts";

/** The header that carries the signature of a webhook: `t=<unix seconds>,v1=<hex>`. */
export const SIGNATURE_HEADER = "isomer-signature";

/** The header that carries the carrier's API key: `Authorization` is the shop's to judge behind one gateway. */
export const API_KEY_HEADER = "sandbox-key";

/** What the carrier says of a parcel; the names are those of EasyPost. */
export const CARRIER_STATUSES = [
  "pre_transit",
  "in_transit",
  "exception",
  "out_for_delivery",
  "available_for_pickup",
  "delivered",
  "return_to_sender",
  "lost",
  "cancelled",
] as const;
/** What the carrier says of a parcel. */
export type CarrierStatus = (typeof CARRIER_STATUSES)[number];
const Status = t.oneOf(CARRIER_STATUSES);

const Reference = t.text({ minLength: 1, maxLength: 100, description: "The sender's own id of the parcel." });
const TrackingNumber = t.text({ minLength: 6, maxLength: 64 });

/** Something that happened to a parcel. */
export const CarrierEntry = t.object({
  id: t.text({ minLength: 1, maxLength: 64 }),
  status: Status,
  at: t.instant(),
  place: t.optional(t.text({ maxLength: 120 })),
  message: t.text({ maxLength: 300 }),
});

/** A label, and where its parcel is. A reference that was called off before it had a label has no tracking number. */
export const Label = t.object({
  id: t.text({ maxLength: 64 }),
  reference: Reference,
  trackingNumber: t.optional(TrackingNumber),
  carrier: t.text({ maxLength: 40 }),
  service: t.text({ maxLength: 40 }),
  status: Status,
  created: t.instant(),
});
/** A label, and where its parcel is. */
export type Label = TypeOf<typeof Label>;

/** The body of a webhook. */
export const CarrierEvent = t.object({
  id: t.text({ minLength: 1, maxLength: 64 }),
  type: t.literal("tracking.updated"),
  created: t.instant(),
  tracking: t.object({ trackingNumber: TrackingNumber, reference: Reference, entry: CarrierEntry }),
});
/** The body of a webhook. */
export type CarrierEvent = TypeOf<typeof CarrierEvent>;

/** The request carries no key that the carrier gave out. */
export const BadApiKey = fault("sandboxship/bad-api-key", {
  kind: "denied",
  data: t.object({}),
  message: () => "The API key is missing or wrong: send it in the header Sandbox-Key.",
});

/** No label or parcel by that name. */
export const NoParcel = fault("sandboxship/no-parcel", {
  kind: "missing",
  data: t.object({ what: t.text() }),
  message: ({ what }) => `There is no parcel ${what}.`,
});

/** The label was called off, before or after it was bought. Use another reference. */
export const LabelCancelled = fault("sandboxship/label-cancelled", {
  kind: "conflict",
  data: t.object({ reference: Reference }),
  message: ({ reference }) => `The label ${reference} was called off. Use another reference.`,
});

/** The parcel was handed over: it cannot be called off any more. */
export const ParcelLeft = fault("sandboxship/parcel-left", {
  kind: "conflict",
  data: t.object({ reference: Reference, status: Status }),
  message: ({ reference, status }) => `The parcel ${reference} is ${status}: it cannot be called off any more.`,
});

const apiKey = t.optional(t.secret(t.text({ maxLength: 300, description: "The API key of the shop's account." })));
const tag = "Sandbox carrier";
const allow = [anyone];
/** Called by API key: the carrier checks it itself, as an outside party would. */
const headers = { apiKey: API_KEY_HEADER };
const withKey = { headers, idempotencyKey: "optional" } as const;

export const sandboxship = contract("sandboxship", {
  version: "1.0.0",
  summary: "A carrier to develop against: labels, moving parcels, signed webhooks.",
  commands: {
    createLabel: command({
      summary: "Buy a label. The same reference gives the same label.",
      input: t.object({
        apiKey,
        reference: Reference,
        service: t.text({ minLength: 1, maxLength: 40, description: "standard, express or pickup-point." }),
        items: t.integer({ minimum: 1, maximum: 1_000_000 }),
        to: Address,
      }),
      output: Label,
      faults: [BadApiKey, LabelCancelled],
      allow,
      tag,
      http: http("POST /sandbox/ship/labels", withKey),
    }),
    cancelLabel: command({
      summary: "Call a label off; one that was never bought never will be.",
      input: t.object({ apiKey, reference: Reference }),
      output: Label,
      faults: [BadApiKey, ParcelLeft],
      allow,
      tag,
      http: http("POST /sandbox/ship/labels/:reference/cancel", withKey),
    }),
    handOver: command({
      summary: "The parcel is picked up: it moves by itself from here on.",
      input: t.object({ apiKey, reference: Reference }),
      output: Label,
      faults: [BadApiKey, NoParcel, LabelCancelled],
      allow,
      tag,
      http: http("POST /sandbox/ship/labels/:reference/hand-over", withKey),
    }),
  },
  queries: {
    tracking: query({
      summary: "Where a parcel is, and was",
      input: t.object({ apiKey, trackingNumber: TrackingNumber }),
      output: t.object({ ...Label.properties, history: t.array(CarrierEntry) }),
      faults: [BadApiKey, NoParcel],
      allow,
      tag,
      http: http("GET /sandbox/ship/tracking/:trackingNumber", { headers }),
    }),
    ledger: query({
      summary: "The carrier's own books, oldest first: to be compared with the shop's.",
      input: t.object({ apiKey, reference: t.optional(Reference), ...pageFields }),
      output: pageOf(
        t.object({
          position: t.integer({ minimum: 1 }),
          reference: Reference,
          trackingNumber: t.optional(TrackingNumber),
          ...CarrierEntry.properties,
        }),
      ),
      faults: [BadApiKey],
      allow,
      tag,
      http: http("GET /sandbox/ship/ledger", { headers }),
    }),
  },
});
