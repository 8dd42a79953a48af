/** Invariant 12 as far as it is about carts and checkouts: one order for each, and each knows the other. */
import { type ShopData, type Violation, grouped } from "./data.ts";
import { type OrderRecord, wasPlaced } from "./orders-log.ts";

interface CheckoutRow {
  readonly checkout_id: string;
  readonly cart_id: string;
  readonly status: string;
  readonly order_id: string | null;
}

interface CartRow {
  readonly cart_id: string;
  readonly status: string;
  readonly checkout_id: string | null;
  readonly order_id: string | null;
}

/** 12: no two orders were placed for one checkout, or for one cart. */
export function oneOrderEach(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const checkouts = new Map(readCheckouts(data).map((row) => [row.checkout_id, row]));
  const placed = [...orders.values()].filter(wasPlaced);
  const perCheckout = grouped(placed, ({ draft }) => draft?.checkoutId ?? "");
  const perCart = grouped(placed, ({ draft }) => checkouts.get(draft?.checkoutId ?? "")?.cart_id ?? "");
  const doubled = (groups: ReadonlyMap<string, readonly OrderRecord[]>, of: string): Violation[] =>
    [...groups]
      .filter(([, group]) => group.length > 1)
      .map(([id, group]) => ({ invariant: 12, what: `${group.length} orders were placed`, subject: `${of} ${id}` }));
  return [...doubled(perCheckout, "checkout"), ...doubled(perCart, "cart")];
}

/** 12: a placed order, its checkout and its cart name one another; others name none. For a shop that has settled. */
export function cartsAndOrders(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const carts = new Map(
    data
      .rows<CartRow>("cart", "SELECT cart_id, status, checkout_id, order_id FROM cart")
      .map((row) => [row.cart_id, row]),
  );
  const found: Violation[] = [];
  const checkouts = readCheckouts(data);
  const byId = new Map(checkouts.map((row) => [row.checkout_id, row]));
  for (const order of orders.values()) {
    if (!wasPlaced(order)) continue;
    const checkout = byId.get(order.draft?.checkoutId ?? "");
    const cart = carts.get(checkout?.cart_id ?? "");
    const subject = `order ${order.orderId}`;
    if (checkout?.status !== "completed" || checkout.order_id !== order.orderId) {
      found.push({ invariant: 12, what: `it was placed, its checkout is ${checkout?.status ?? "absent"}`, subject });
    } else if (cart?.status !== "completed" || cart.order_id !== order.orderId) {
      found.push({ invariant: 12, what: `it was placed, its cart is ${cart?.status ?? "absent"}`, subject });
    }
  }
  for (const { checkout_id: id, status, order_id: orderId } of checkouts) {
    const order = orders.get(orderId ?? "");
    if (status === "completed" && (order === undefined || !wasPlaced(order))) {
      found.push({ invariant: 12, what: "it is completed without an order", subject: `checkout ${id}` });
    }
    if (status === "completing" || status === "requires_action") {
      found.push({ invariant: 21, what: `it is ${status} still`, subject: `checkout ${id}` });
    }
  }
  for (const { cart_id: id, status, order_id: orderId } of carts.values()) {
    if (status === "frozen") found.push({ invariant: 21, what: "it is frozen still", subject: `cart ${id}` });
    if (status === "completed" && !orders.has(orderId ?? "")) {
      found.push({ invariant: 12, what: "it is completed without an order", subject: `cart ${id}` });
    }
  }
  return found;
}

/** 18: a checkout's attempts follow one another, each ends once, and none comes after the one that succeeded. */
export function checkoutTransitions(data: ShopData): Violation[] {
  const events = data.rows<{ key: string; type: string; data: string }>(
    "checkout",
    "SELECT key, type, data FROM isomer_log ORDER BY key, sequence",
  );
  return [...grouped(events, ({ key }) => key)].flatMap(([id, history]) => {
    let state = "open";
    let attempt = 0;
    const problems: string[] = [];
    for (const { type, data: text } of history) {
      const from = CHECKOUT_MOVES[type];
      if (from === undefined || !from.includes(state)) problems.push(`"${type}" came while the checkout was ${state}`);
      if (type === "started") {
        attempt += 1;
        const said = (JSON.parse(text) as { attempt: number }).attempt;
        if (said !== attempt) problems.push(`attempt ${attempt} is called ${said}`);
      }
      state = type === "failed" ? "open" : type;
    }
    return problems.map((what) => ({ invariant: 18, what, subject: `checkout ${id}` }));
  });
}

const CHECKOUT_MOVES: Readonly<Record<string, readonly string[]>> = {
  started: ["open"],
  requiresAction: ["started"],
  completed: ["started", "requiresAction"],
  failed: ["started", "requiresAction"],
  expired: ["open"],
};

function readCheckouts(data: ShopData): CheckoutRow[] {
  return data.rows<CheckoutRow>("checkout", "SELECT checkout_id, cart_id, status, order_id FROM checkout");
}
