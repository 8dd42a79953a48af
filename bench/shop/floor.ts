/**
 * The floor: the same nine requests, written by hand with Fastify and `node:sqlite` as one would in an afternoon. One
 * database, a transaction and a sync for each request that changes something, one call of a payment provider over HTTP.
 * None of our guarantees: no accounts, no validation, no idempotency, no events, no saga, no mails, no webhooks, and a
 * crash in the middle of a checkout leaves it there. `node floor.ts <data folder>`; speaks as `child.ts` does.
 */
import Fastify from "fastify";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Usage, usageNow } from "./usage.ts";

const [dataFolder = ""] = process.argv.slice(2);
const database = new DatabaseSync(join(dataFolder, "floor.sqlite"));
database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE product (slug TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL);
  CREATE TABLE variant (sku TEXT PRIMARY KEY, slug TEXT NOT NULL, title TEXT NOT NULL, price INTEGER NOT NULL,
    on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL);
  CREATE INDEX variant_slug ON variant (slug);
  CREATE TABLE cart (id TEXT PRIMARY KEY, currency TEXT NOT NULL, country TEXT NOT NULL, email TEXT, address TEXT,
    option TEXT, status TEXT NOT NULL);
  CREATE TABLE cart_line (cart_id TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (cart_id, sku));
  CREATE TABLE checkout (id TEXT PRIMARY KEY, cart_id TEXT NOT NULL, total INTEGER NOT NULL, status TEXT NOT NULL);
  CREATE TABLE orders (id TEXT PRIMARY KEY, checkout_id TEXT NOT NULL UNIQUE, payment_id TEXT NOT NULL,
    total INTEGER NOT NULL, lines TEXT NOT NULL, address TEXT, email TEXT, status TEXT NOT NULL, at INTEGER NOT NULL);
`);

interface Line {
  readonly sku: string;
  readonly quantity: number;
  readonly title: string;
  readonly price: number;
}
type Body = Readonly<Record<string, unknown>>;

const sql = (text: string) => database.prepare(text);
const begin = sql("BEGIN IMMEDIATE");
const commit = sql("COMMIT");
const rollback = sql("ROLLBACK");
const product = sql("SELECT * FROM product WHERE slug = ?");
const variants = sql("SELECT * FROM variant WHERE slug = ?");
const variant = sql("SELECT * FROM variant WHERE sku = ?");
const addCart = sql("INSERT INTO cart (id, currency, country, status) VALUES (?, ?, ?, 'open')");
const cart = sql("SELECT * FROM cart WHERE id = ?");
const setCart = sql("UPDATE cart SET email = ?, address = ?, option = ? WHERE id = ?");
const addLine = sql(`INSERT INTO cart_line VALUES (?, ?, ?)
  ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = quantity + excluded.quantity`);
const lines = sql(`SELECT l.sku, l.quantity, v.title, v.price FROM cart_line l JOIN variant v ON v.sku = l.sku
  WHERE l.cart_id = ?`);
const addCheckout = sql("INSERT INTO checkout VALUES (?, ?, ?, 'open')");
const checkout = sql("SELECT * FROM checkout WHERE id = ?");
const endCheckout = sql("UPDATE checkout SET status = 'completed' WHERE id = ?");
const reserve = sql("UPDATE variant SET reserved = reserved + ? WHERE sku = ? AND on_hand - reserved >= ?");
const ship = sql("UPDATE variant SET reserved = reserved - ?, on_hand = on_hand - ? WHERE sku = ?");
const addOrder = sql("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, 'paid', ?)");
const order = sql("SELECT * FROM orders WHERE id = ?");

let transactions = 0;
function write<T>(body: () => T): T {
  begin.run();
  try {
    const result = body();
    commit.run();
    transactions += 1;
    return result;
  } catch (error) {
    rollback.run();
    throw error;
  }
}

function cartView(id: string) {
  const items = lines.all(id) as unknown as Line[];
  const subtotal = items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  return { ...cart.get(id), cartId: id, lines: items, subtotal, shipping: 490, total: subtotal + 490 };
}

write(() => {
  for (let n = 0; n < 80; n += 1) {
    sql("INSERT INTO product VALUES (?, ?, ?)").run(`product-${n}`, `Product ${n}`, "A thing of beauty. ".repeat(20));
    for (const size of ["S", "M", "L"]) {
      const add = sql("INSERT INTO variant VALUES (?, ?, ?, ?, 1000000, 0)");
      add.run(`SKU-${n}-${size}`, `product-${n}`, `Product ${n}, ${size}`, 1_000 + n);
    }
  }
});

const app = Fastify({ logger: false });
let url = "";

app.get("/v1/storefront/products", () => ({
  items: [0, 1, 2].map((n) => ({ slug: `product-${n}`, skus: [`SKU-${n}-S`, `SKU-${n}-M`] })),
}));
app.get<{ Params: { slug: string } }>("/v1/storefront/products/:slug", ({ params }) => ({
  ...product.get(params.slug),
  variants: variants.all(params.slug),
}));
app.post<{ Body: Body }>("/v1/carts", ({ body }) => {
  const id = randomUUID();
  write(() => addCart.run(id, String(body["currency"]), String(body["country"])));
  return cartView(id);
});
app.post<{ Params: { id: string }; Body: { sku: string; quantity: number } }>(
  "/v1/carts/:id/lines",
  ({ params, body }) => {
    if (variant.get(body.sku) === undefined) throw new Error("no such variant");
    write(() => addLine.run(params.id, body.sku, body.quantity));
    return cartView(params.id);
  },
);
app.patch<{ Params: { id: string }; Body: Body }>("/v1/carts/:id", ({ params, body }) => {
  const { email, shippingAddress, shippingOption } = body;
  write(() => setCart.run(String(email), JSON.stringify(shippingAddress), String(shippingOption), params.id));
  return cartView(params.id);
});
app.post<{ Body: { cartId: string } }>("/v1/checkouts", ({ body }) => {
  const id = randomUUID();
  const { total, lines: items } = cartView(body.cartId);
  write(() => addCheckout.run(id, body.cartId, total));
  return { checkoutId: id, total, lines: items };
});
app.post<{ Params: { id: string } }>("/v1/checkouts/:id/complete", async ({ params }) => {
  const { cart_id: cartId, total } = checkout.get(params.id) as { cart_id: string; total: number };
  const { lines: items, ...rest } = cartView(cartId);
  write(() => {
    for (const { sku, quantity } of items) {
      if (reserve.run(quantity, sku, quantity).changes === 0) throw new Error("out of stock");
    }
  });
  const charge = await fetch(`${url}/provider/charges`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ amount: total }),
  });
  const { id: paymentId } = (await charge.json()) as { id: string };
  const orderId = randomUUID();
  const { address, email } = rest as { address?: string; email?: string };
  write(() => {
    for (const { sku, quantity } of items) ship.run(quantity, quantity, sku);
    const text = JSON.stringify(items);
    addOrder.run(orderId, params.id, paymentId, total, text, address ?? null, email ?? null, Date.now());
    endCheckout.run(params.id);
  });
  return { status: "completed", orderId };
});
app.get<{ Params: { id: string } }>("/v1/orders/:id", ({ params }) => {
  const row = order.get(params.id) as { lines: string; address: string };
  return { ...row, lines: JSON.parse(row.lines) as unknown, address: JSON.parse(row.address) as unknown };
});
app.post("/provider/charges", () => ({ id: randomUUID(), status: "captured" }));
app.post("/v1/guests", () => ({ accessToken: randomUUID() }));

await app.listen({ port: 0, host: "127.0.0.1" });
url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;

function usage(): Usage {
  return { ...usageNow(), stores: { floor: { transactions, commits: transactions } } };
}

/** What must be so at the end: an order for each completed checkout, and as much gone from stock as was ordered. */
function check(): void {
  const counts = `SELECT (SELECT count(*) FROM orders) AS orders,
    (SELECT count(*) FROM checkout WHERE status = 'completed') AS checkouts,
    (SELECT sum(reserved) FROM variant) AS reserved, (SELECT sum(1000000 - on_hand) FROM variant) AS sold`;
  const { orders, checkouts, reserved, sold } = sql(counts).get() as Record<string, number>;
  if (orders !== checkouts || reserved !== 0 || sold !== 2 * (orders ?? 0))
    throw new Error("The floor lost something.");
}

process.on("disconnect", () => process.exit(1));
process.on("message", (message) => {
  if (message === "usage" || message === "settle") return void process.send?.(usage());
  check();
  void app.close().then(() => {
    database.close();
    process.disconnect();
  });
});
process.send?.({ url, password: "" });
