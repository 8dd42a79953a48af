/**
 * The port to whoever carries the parcels, and the sandbox carrier behind it.
 *
 * Every request names the shipment by our own id and may be repeated: it has one effect. No method throws for what the
 * network or the carrier does: an answer that did not come is `unknown`, and the request is made again.
 */
import type { HttpRequest, HttpResponse } from "@isomer/kernel/runtime";
import { type TypeOf, t, validator } from "@isomer/kernel/schema";
import { fromInstant, isFault } from "@isomer/kernel/std";
import { API_KEY_HEADER, CarrierEvent, type CarrierStatus, Label } from "../sandboxship/contract.ts";
import type { Address } from "../shared/mod.ts";
import type { Said } from "./shipments.ts";
import type { Status } from "./tracking.ts";

/** What came of a request. */
export type CarrierAnswer =
  | { readonly kind: "done"; readonly trackingNumber: string | undefined }
  /** The carrier understood and will not: nothing happened. */
  | { readonly kind: "refused"; readonly code: string }
  /** Timeout, lost connection, 5xx: it may have happened. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What a label is made from. */
export interface LabelRequest {
  readonly shipmentId: string;
  readonly service: string;
  readonly items: number;
  readonly to: Address;
}

/** Carries parcels. Implementations hold no state. */
export interface Carrier {
  /** Buys the label of a shipment: the same one however often it is asked for. */
  buyLabel(request: LabelRequest): Promise<CarrierAnswer>;
  /** Voids it. A label that was never bought never will be. */
  cancel(shipmentId: string): Promise<CarrierAnswer>;
  /** The parcel is the carrier's from now on. */
  handOver(shipmentId: string): Promise<CarrierAnswer>;
}

/** What the adapter needs of a job's context. */
export interface CarrierAccess {
  fetch(request: HttpRequest): Promise<HttpResponse>;
  readonly settings: { readonly carrierUrl: string; readonly apiKey: string };
}

/** What the carrier answers when our shipment was voided before. */
export const LABEL_VOIDED = "sandboxship/label-cancelled";
/** What the carrier answers when the parcel is on its way. */
export const PARCEL_LEFT = "sandboxship/parcel-left";

const TIMEOUT_MS = 5_000;
const label = validator(Label, "answer of the carrier");
const refusal = validator(t.object({ code: t.text() }), "refusal of the carrier");
const event = validator(CarrierEvent, "webhook of the carrier");

/** The adapter of the sandbox carrier. */
export class SandboxCarrier implements Carrier {
  readonly #access: CarrierAccess;

  constructor(access: CarrierAccess) {
    this.#access = access;
  }

  buyLabel({ shipmentId, service, items, to }: LabelRequest): Promise<CarrierAnswer> {
    return this.#post("/labels", { reference: shipmentId, service, items, to });
  }

  cancel(shipmentId: string): Promise<CarrierAnswer> {
    return this.#post(`/labels/${encodeURIComponent(shipmentId)}/cancel`, {});
  }

  handOver(shipmentId: string): Promise<CarrierAnswer> {
    return this.#post(`/labels/${encodeURIComponent(shipmentId)}/hand-over`, {});
  }

  async #post(path: string, body: unknown): Promise<CarrierAnswer> {
    const { carrierUrl, apiKey } = this.#access.settings;
    const headers = { "content-type": "application/json", [API_KEY_HEADER]: apiKey };
    let response: HttpResponse;
    try {
      const request = {
        url: `${carrierUrl}/sandbox/ship${path}`,
        headers,
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
      };
      response = await this.#access.fetch({ method: "POST", ...request });
    } catch (error) {
      // A bug of ours must not pass for a carrier that is silent.
      if (!isFault(error) || error.kind === "broken") throw error;
      return { kind: "unknown", reason: error.code };
    }
    return read(response);
  }
}

function read({ status, body }: HttpResponse): CarrierAnswer {
  const value = parseJson(body);
  if (status >= 200 && status < 300) {
    if (!label.check(value)) return { kind: "unknown", reason: "an answer in another form" };
    return { kind: "done", trackingNumber: value.trackingNumber };
  }
  const code = (value as { code?: unknown } | undefined)?.code;
  const reason = refusal.check({ code }) ? (code as string) : `status ${status}`;
  return status >= 500 || RETRIED.has(status) ? { kind: "unknown", reason } : { kind: "refused", code: reason };
}

/** Our credentials, no such path, too many requests and the like: mended or repeated later, it may succeed. */
const RETRIED: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429]);

/** A webhook of the carrier, in our words. */
export interface CarrierSaid {
  readonly eventId: string;
  readonly trackingNumber: string;
  /** Undefined when it says nothing that we did not say ourselves. */
  readonly said: Said | undefined;
}

/** Reads a webhook that was verified; undefined when it is no event of the carrier's. */
export function readEvent(payload: string): CarrierSaid | undefined {
  const value = parseJson(payload);
  if (!event.check(value)) return undefined;
  const { id, tracking } = value;
  return { eventId: id, trackingNumber: tracking.trackingNumber, said: saidBy(tracking.entry) };
}

function saidBy(entry: TypeOf<typeof CarrierEvent>["tracking"]["entry"]): Said | undefined {
  const status = STATUS[entry.status];
  if (status === undefined) return undefined;
  const { id, at, place, message } = entry;
  return { entryId: `carrier-${id}`, status, at: fromInstant(at), place, message };
}

/** The carrier's words in ours. What the shop knows best itself is left out. */
const STATUS: Readonly<Record<CarrierStatus, Status | undefined>> = {
  pre_transit: undefined,
  cancelled: undefined,
  in_transit: "in_transit",
  exception: "exception",
  out_for_delivery: "out_for_delivery",
  available_for_pickup: "available_for_pickup",
  delivered: "delivered",
  return_to_sender: "returned_to_sender",
  lost: "lost",
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
