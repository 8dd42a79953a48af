/**
 * A parcel leaves. The command that starts this claims the shipment, so it cannot be called off any more; then its
 * stock is taken off the shelf, and only then does the shop say that it was shipped. If there is no stock for it, the
 * claim is given back and nothing has happened.
 */
import { saga } from "@isomer/kernel/saga";
import { t } from "@isomer/kernel/schema";
import { inventory } from "../inventory/contract.ts";
import { left, stay } from "./shipments.ts";
import type { Tables } from "./store.ts";

/** The saga that takes a parcel out of the house. */
export const leave = saga<Tables, "inventory">()("leave", {
  input: t.object({ shipmentId: t.id(), orderId: t.text() }),
  output: t.object({ shipmentId: t.id() }),
  run: async (s, { shipmentId, orderId }) => {
    await s.step("takeOffShelf", inventory.fulfil({ orderId }));
    await s.pivot();
    const now = await s.now("leftAt");
    await s.local("left", (tx) => left(tx, shipmentId, now));
    return { shipmentId };
  },
  settled: async (tx, { shipmentId }, outcome, { now }) => {
    if (outcome.status !== "completed") await stay(tx, shipmentId, now);
  },
});
