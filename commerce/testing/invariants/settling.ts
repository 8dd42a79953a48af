/** Whether a shop has come to rest: what is still under way, as its databases tell. Works beside a running shop. */
import type { ShopData } from "./data.ts";
import { type Listener, inboxes } from "./events.ts";

/** What must come to nothing, by service: a statement that counts it. */
const UNDER_WAY: readonly (readonly [service: string, what: string, sql: string])[] = [
  ["payments", "payments to be looked at", "SELECT COUNT(*) AS n FROM payment WHERE look_at IS NOT NULL"],
  ["payments", "webhooks to be applied", "SELECT COUNT(*) AS n FROM webhook_inbox WHERE next_at IS NOT NULL"],
  ["sandboxpay", "intents to be settled", "SELECT COUNT(*) AS n FROM intent WHERE settle_at IS NOT NULL"],
  ["sandboxpay", "webhooks to be sent", "SELECT COUNT(*) AS n FROM delivery WHERE next_at IS NOT NULL"],
  ["sandboxship", "parcels on their way", "SELECT COUNT(*) AS n FROM parcel WHERE next_at IS NOT NULL"],
  ["sandboxship", "webhooks to be sent", "SELECT COUNT(*) AS n FROM delivery WHERE next_at IS NOT NULL"],
  ["shipping", "things to tell the carrier", "SELECT COUNT(*) AS n FROM carrier_task"],
  ["shipping", "webhooks to be applied", "SELECT COUNT(*) AS n FROM webhook_inbox WHERE next_at IS NOT NULL"],
  ["shipping", "parcels that leave by themselves", "SELECT COUNT(*) AS n FROM shipment WHERE ship_at IS NOT NULL"],
  [
    "notifications",
    "messages to be sent",
    "SELECT COUNT(*) AS n FROM message WHERE status IN ('queued', 'sending', 'retry')",
  ],
];

const SAGAS = "SELECT COUNT(*) AS n FROM isomer_saga WHERE status NOT IN ('completed', 'compensated', 'aborted')";

/** What is still under way, for people to read; empty when the shop is at rest. */
export function underWay(data: ShopData, listeners: readonly Listener[]): readonly string[] {
  const count = (service: string, sql: string): number => data.rows<{ n: number }>(service, sql)[0]?.n ?? 0;
  const sagas = data.services.map((service) => [count(service, SAGAS), `sagas of ${service}`] as const);
  const others = UNDER_WAY.map(([service, what, sql]) => [count(service, sql), `${what} (${service})`] as const);
  const unheard = inboxes(data, listeners).length;
  return [...sagas, ...others, [unheard, "events to be heard"] as const]
    .filter(([n]) => n > 0)
    .map(([n, what]) => `${n} ${what}`);
}
