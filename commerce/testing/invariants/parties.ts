/** Invariants 20, 26 and 30: what parties outside were told, and what they told us. For a shop that has settled. */
import { type ShopData, type Violation, grouped } from "./data.ts";

/** 26: what was acknowledged to the provider, or to the carrier, is known here. */
export function acknowledgedIsKept(data: ShopData): Violation[] {
  return [
    ["sandboxpay", "payments"] as const,
    // A webhook that was given up says so: it was never acknowledged.
    ["sandboxship", "shipping"] as const,
  ].flatMap(([party, service]) => {
    if (!data.services.includes(party) || !data.services.includes(service)) return [];
    const kept = new Set(
      data.rows<{ event_id: string }>(service, "SELECT event_id FROM webhook_inbox").map((row) => row.event_id),
    );
    return data
      .rows<{ event_id: string }>(party, "SELECT event_id FROM delivery WHERE last_result = 'ok'")
      .filter((row) => !kept.has(row.event_id))
      .map((row) => ({
        invariant: 26,
        what: `${service} acknowledged it to ${party}, and does not know of it`,
        subject: `webhook ${row.event_id}`,
      }));
  });
}

/** 20: the carrier moves what the shop handed over, and waits for nothing that was called off. */
export function carrierAgrees(data: ShopData): Violation[] {
  if (!data.services.includes("sandboxship") || !data.services.includes("shipping")) return [];
  const parcels = new Map(
    data
      .rows<{ reference: string; status: string }>("sandboxship", "SELECT reference, status FROM parcel")
      .map((row) => [row.reference, row.status]),
  );
  const lifecycles = new Map(
    data
      .rows<{ order_id: string; lifecycle: string }>("orders", "SELECT order_id, lifecycle FROM order_view")
      .map((row) => [row.order_id, row.lifecycle]),
  );
  return data
    .rows<{ shipment_id: string; order_id: string; status: string }>(
      "shipping",
      "SELECT shipment_id, order_id, status FROM shipment",
    )
    .flatMap(({ shipment_id: id, order_id: orderId, status }) => {
      const atCarrier = parcels.get(id) ?? "unknown";
      const isOff = status === "cancelled";
      const isOffThere = atCarrier === "cancelled" || (isOff && atCarrier === "unknown");
      const isOrderOff = lifecycles.get(orderId) === "cancelled";
      return [
        ...(isOff === isOffThere ? [] : [`it is ${status}, and ${atCarrier} at the carrier`]),
        ...(isOff === isOrderOff ? [] : [`it is ${status}, and its order ${lifecycles.get(orderId) ?? "absent"}`]),
      ].map((what) => ({ invariant: 20, what, subject: `shipment ${id}` }));
    });
}

/** 30: whoever waits for a parcel gets one mail when it leaves and one when it arrives, unless they want none. */
export function parcelMails(data: ShopData): Violation[] {
  if (!data.services.includes("notifications") || !data.services.includes("shipping")) return [];
  const mails = grouped(
    data.rows<{ event_id: string }>("notifications", "SELECT event_id FROM message WHERE channel = 'email'"),
    (row) => row.event_id,
  );
  const without = new Set(
    data
      .rows<{ order_id: string }>(
        "notifications",
        `SELECT order_id FROM contact c LEFT JOIN recipient r ON r.user_id = c.subject
         WHERE c.email = '' OR r.email_updates = 0`,
      )
      .map((row) => row.order_id),
  );
  return data
    .rows<{ id: string; type: string; order_id: string }>(
      "shipping",
      `SELECT id, type, json_extract(data, '$.orderId') AS order_id FROM isomer_log
       WHERE type IN ('shipmentShipped', 'shipmentDelivered')`,
    )
    .filter(({ id, order_id: orderId }) => !without.has(orderId) && mails.get(id)?.length !== 1)
    .map(({ id, type, order_id: orderId }) => ({
      invariant: 30,
      what: `${mails.get(id)?.length ?? 0} mails tell of ${type}`,
      subject: `order ${orderId}`,
    }));
}
