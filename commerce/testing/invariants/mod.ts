/** The invariants of the shop, checked on its databases. */
export { type CheckOptions, checkFolder, checkNow, checkShop, describeViolations } from "./check.ts";
export { copyShopData } from "./copy.ts";
export { ShopData, type Violation, openShopData } from "./data.ts";
export { type Listener, listenersOf } from "./events.ts";
export { type ProviderSums, readPayments, readProvider } from "./money.ts";
export { type OrderRecord, readOrders, stands, wasPlaced } from "./orders-log.ts";
export { toldIsTrue } from "./requests.ts";
export { underWay } from "./settling.ts";
