/** All invariants at once. */
import { cartsAndOrders, checkoutTransitions, oneOrderEach } from "./carts.ts";
import { couponLimits, couponOwners } from "./coupons.ts";
import { type ShopData, type Violation, openShopData } from "./data.ts";
import {
  type Listener,
  changesTold,
  inboxes,
  noDeadLetters,
  oneMailEach,
  oneShipmentEach,
  sequences,
} from "./events.ts";
import {
  amountsAsked,
  ledgersAgree,
  noMoneyOfLosers,
  orderSums,
  ordersKnowTheirMoney,
  ordersPaidOnce,
  paymentBooks,
  paymentBounds,
} from "./money.ts";
import { orderSnapshots, orderTransitions, orderViews, readOrders } from "./orders-log.ts";
import { acknowledgedIsKept, carrierAgrees, parcelMails } from "./parties.ts";
import { salesProjected } from "./projections.ts";
import { type Told, noPassingAnswers, oneEffectEach, toldIsTrue } from "./requests.ts";
import { compensatedInOrder, compensatedOnce, sagasAndOrders, sagasEnded, signalsKept } from "./sagas.ts";
import { stockAlone, stockOfLosers, stockOwners, stockSold } from "./stock.ts";

/** What is to be checked. */
export interface CheckOptions extends Told {
  /** Who must have heard which events; `listenersOf(system)`. */
  readonly listeners?: readonly Listener[];
  /** When holds on stock must have been swept at the latest, milliseconds since 1970. */
  readonly overdueBefore?: number;
}

/** What must hold at every instant within each database: for a shop that runs. */
export async function checkNow(data: ShopData): Promise<readonly Violation[]> {
  const orders = readOrders(data);
  return [
    ...(await stockAlone(data, undefined)),
    ...paymentBounds(data),
    ...paymentBooks(data),
    ...orderSums(orders),
    ...couponLimits(data),
    ...orderTransitions(orders),
    ...orderViews(data, orders),
    ...orderSnapshots(data, orders),
    ...checkoutTransitions(data),
    ...compensatedOnce(data),
    ...sequences(data),
    ...noPassingAnswers(data),
    ...oneEffectEach(data),
  ];
}

/** Everything: for a shop that has settled. */
export async function checkShop(data: ShopData, options: CheckOptions = {}): Promise<readonly Violation[]> {
  const orders = readOrders(data);
  const overdue = options.overdueBefore === undefined ? [] : await stockAlone(data, options.overdueBefore);
  return [
    ...(await checkNow(data)),
    ...overdue.filter(({ what }) => what.includes("past its time")),
    ...stockSold(data, orders),
    ...stockOwners(data, orders),
    ...stockOfLosers(data, orders),
    ...amountsAsked(data, orders),
    ...ledgersAgree(data),
    ...ordersKnowTheirMoney(data, orders),
    ...ordersPaidOnce(data, orders),
    ...noMoneyOfLosers(data, orders),
    ...oneOrderEach(data, orders),
    ...cartsAndOrders(data, orders),
    ...couponOwners(data, orders),
    ...sagasEnded(data),
    ...sagasAndOrders(data, orders),
    ...compensatedInOrder(data),
    ...signalsKept(data),
    ...noDeadLetters(data),
    ...inboxes(data, options.listeners ?? []),
    ...changesTold(data),
    ...oneShipmentEach(data),
    ...oneMailEach(data),
    ...parcelMails(data),
    ...acknowledgedIsKept(data),
    ...carrierAgrees(data),
    ...salesProjected(data),
    ...toldIsTrue(data, options),
  ];
}

/** Opens a data folder and checks it. */
export async function checkFolder(
  folder: string,
  services: readonly string[],
  options: CheckOptions = {},
): Promise<readonly Violation[]> {
  using data = openShopData(folder, services);
  return checkShop(data, options);
}

/** The violations as text, a line for each; those that come often are counted. */
export function describeViolations(violations: readonly Violation[], listed = 40): string {
  const counts = [...Map.groupBy(violations, ({ invariant }) => invariant)]
    .toSorted(([a], [b]) => a - b)
    .map(([invariant, found]) => `invariant ${invariant}: ${found.length}`);
  const lines = violations
    .slice(0, listed)
    .map(({ invariant, what, subject }) => `  ${invariant}  ${subject}: ${what}`);
  return [counts.join(", "), ...lines].join("\n");
}
