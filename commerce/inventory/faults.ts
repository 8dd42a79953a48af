/** The faults of inventory's contract. */
import { fault } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Sku } from "../shared/mod.ts";
import { Count, LocationCode, OrderId, ReservationState } from "./schemas.ts";

/** There is not enough left of a variant. Nothing was held. */
export const StockShort = fault("inventory/stock-short", {
  kind: "conflict",
  data: t.object({ sku: Sku, asked: Count, left: Count }),
  message: ({ sku, asked, left }) =>
    `Asked for ${asked} of ${sku}, but ${left === 0 ? "none is" : `${left} are`} left.`,
});

/** The order's stock was given back already, or its order given up before it asked. An order asks once. */
export const ReservationClosed = fault("inventory/reservation-closed", {
  kind: "conflict",
  data: t.object({ orderId: OrderId, state: ReservationState }),
  message: ({ orderId, state }) => `The stock of order ${orderId} is ${state}. Begin again with a new order.`,
});

/** The order holds other lines than these. */
export const ReservationDiffers = fault("inventory/reservation-differs", {
  kind: "conflict",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `Order ${orderId} holds other lines already. Release them, then begin a new order.`,
});

/** No stock was ever held for this order. */
export const NoReservation = fault("inventory/no-reservation", {
  kind: "missing",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `No stock is held for order ${orderId}.`,
});

/** More would leave, or come back, than the order has. */
export const LineExceeded = fault("inventory/line-exceeded", {
  kind: "conflict",
  data: t.object({ orderId: OrderId, sku: Sku, asked: Count, left: Count }),
  message: ({ orderId, sku, asked, left }) => `Order ${orderId} has ${left} of ${sku} for this, not ${asked}.`,
});

/** There is no such location. */
export const NoLocation = fault("inventory/no-location", {
  kind: "missing",
  data: t.object({ location: LocationCode }),
  message: ({ location }) => `There is no location "${location}".`,
});

/** The code is in use. */
export const LocationTaken = fault("inventory/location-taken", {
  kind: "conflict",
  data: t.object({ location: LocationCode }),
  message: ({ location }) => `There is a location "${location}" already.`,
});

/** The pieces are on hand, but orders hold them. */
export const StockHeld = fault("inventory/stock-held", {
  kind: "conflict",
  data: t.object({ sku: Sku, location: LocationCode, asked: Count, free: Count }),
  message: ({ sku, location, asked, free }) =>
    `Asked to take ${asked} of ${sku} from ${location}, but only ${free} are not held for orders.`,
});

/** Others changed the same stock all the time. Nothing happened; repeat with the same key. */
export const Contended = fault("inventory/contended", {
  kind: "unavailable",
  data: t.object({ subject: t.text({ maxLength: 100 }) }),
  message: ({ subject }) => `Others are changing ${subject} just now. Repeat the request.`,
});
