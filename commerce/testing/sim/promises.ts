/** What people were told, held against what is so. */
import { type SimState } from "@isomer/kernel/sim";
import { type ShopData, readOrders, readProvider, stands } from "../invariants/mod.ts";
import type { ShopReport } from "./shopper.ts";
import type { StaffReport } from "./staff.ts";

type Report = ShopReport & StaffReport;

/** What is wrong with what people were told. */
export function brokenPromises(data: ShopData, { reports }: SimState): readonly string[] {
  const all = reports as readonly Report[];
  return [...ordersAsAsked(data, all), ...receivedOnce(data, all), ...refundedOnce(data, all)];
}

/** An order has what its buyer asked for: nothing twice, nothing missing. */
function ordersAsAsked(data: ShopData, reports: readonly Report[]): string[] {
  const orders = readOrders(data);
  return reports.flatMap(({ asked }) => {
    const draft = asked === undefined ? undefined : orders.get(asked.orderId)?.draft;
    if (asked === undefined || draft === undefined) return [];
    const [wanted, has] = [listed(asked.lines), listed(draft.lines)];
    return wanted === has ? [] : [`order ${asked.orderId}: asked for was ${wanted}, ordered is ${has}`];
  });
}

function listed(lines: readonly { readonly sku: string; readonly quantity: number }[]): string {
  const parts = lines.map(({ sku, quantity }) => `${quantity} ${sku}`);
  return parts.toSorted().join(", ");
}

/** What arrived was taken in once. */
function receivedOnce(data: ShopData, reports: readonly Report[]): string[] {
  return reports.flatMap(({ received }) => {
    if (received === undefined) return [];
    const sql = "SELECT COUNT(*) AS n FROM movement WHERE kind = 'receive' AND reason = ?";
    const n = data.rows<{ n: number }>("inventory", sql, received)[0]?.n ?? 0;
    return n === 1 ? [] : [`${received} was taken in ${n} times`];
  });
}

/** Of a standing order just that went back which was to go back. */
function refundedOnce(data: ShopData, reports: readonly Report[]): string[] {
  const provider = readProvider(data);
  const promised = new Map<string, number>();
  for (const { refunded } of reports) {
    if (refunded === undefined) continue;
    promised.set(refunded.paymentId, (promised.get(refunded.paymentId) ?? 0) + refunded.amount);
  }
  return [...readOrders(data).values()].flatMap((order) => {
    if (!stands(order) || order.paymentId === undefined) return [];
    const [should, is] = [promised.get(order.paymentId) ?? 0, provider.get(order.paymentId)?.refunded ?? 0];
    return should === is ? [] : [`order ${order.orderId}: ${should} was to go back, ${is} did`];
  });
}
