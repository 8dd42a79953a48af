/** Many buyers for the last pieces, at once: an order for each piece, a clean refusal for each other, no charge kept from a loser. */
import assert from "node:assert/strict";
import { seedStock } from "./wishes.ts";
import { checkProblem } from "../checked-client.ts";
import { type Answer, ShopClient } from "../client.ts";
import { ADDRESS } from "../flow.ts";
import { readOrders, readPayments, readProvider, wasPlaced } from "../invariants/mod.ts";
import { type OpenShop, openShop, until } from "../open-shop.ts";
import { settled } from "./settled.ts";
import { type PersistentSend, nothingSeen, persistent } from "./shopper.ts";

/** Opens a shop, sells all that is left of something to more buyers than there are pieces, and checks what came of it. */
export async function flashSale(buyers: number, units: number): Promise<void> {
  await using shop = await openShop({ run: { relaxed: false } });
  const sku = await leave(shop, units);
  const seen = nothingSeen();
  const send = persistent(seen);
  const client = new ShopClient(shop.url);
  const ready = await inSteps(buyers, 32, (n) => prepare(client, sku, n, send));

  const answers = await Promise.all(
    ready.map(({ buyer, checkoutId }, n) =>
      send(buyer, "POST", `/v1/checkouts/${checkoutId}/complete`, {
        key: `pay-${n}`,
        body: { paymentToken: "tok_success" },
      })
        // A slow machine may have answered "completing".
        .then((answer) => (answer.status === 200 ? ended(buyer, checkoutId, send) : answer)),
    ),
  );

  const winners = answers.filter(({ status, body }) => status === 200 && body.status === "completed");
  const losers = answers.filter(({ body }) => body.status !== "completed");
  for (const answer of losers) checkLoser(answer, sku);
  assert.equal(winners.length, units);
  assert.equal(losers.length, buyers - units);
  assert.deepEqual(seen.broken, []);

  const acknowledged = winners.map(({ body }) => String(body.orderId));
  using data = await settled(shop, acknowledged);
  const placed = [...readOrders(data).values()].filter(wasPlaced).map(({ orderId }) => orderId);
  assert.deepEqual(placed.toSorted(), acknowledged.toSorted());
  noChargeKept(data, new Set(placed));
}

/** Takes stock away until `units` of one variant are left, all in one place. */
async function leave(shop: OpenShop, units: number): Promise<string> {
  const [sku] =
    [...seedStock()].find(([, quantity]) => quantity >= units) ?? assert.fail("the seed has too little stock");
  const admin = await shop.login("admin@example.com");
  const { items } = await admin.expect(200, "GET", `/v1/inventory/levels?sku=${sku}`);
  let left = units;
  for (const { location, onHand } of items as { location: string; onHand: number }[]) {
    const wanted = Math.min(left, onHand);
    left -= wanted;
    const body = { sku, location, change: wanted - onHand, kind: "adjust", reason: "flash sale" };
    if (wanted !== onHand) await admin.expect(200, "POST", "/v1/inventory/adjustments", { body });
  }
  assert.equal(left, 0);
  return sku;
}

interface Ready {
  readonly buyer: ShopClient;
  readonly checkoutId: string;
}

/** Brings a buyer to the point where only paying is left. */
async function prepare(client: ShopClient, sku: string, n: number, send: PersistentSend): Promise<Ready> {
  const ask = async (
    as: ShopClient,
    method: string,
    path: string,
    body: unknown,
    step: string,
  ): Promise<Answer["body"]> => {
    const answer = await send(as, method, path, { body, key: `${step}-${n}` });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const session = await ask(client, "POST", "/v1/guests", {}, "guest");
  const buyer = client.as(String(session.accessToken));
  const { cartId } = await ask(buyer, "POST", "/v1/carts", { currency: "EUR", country: "DE" }, "cart");
  await ask(buyer, "POST", `/v1/carts/${cartId}/lines`, { sku, quantity: 1 }, "line");
  const about = { email: "ada@example.org", shippingAddress: ADDRESS, shippingOption: "standard" };
  await ask(buyer, "PATCH", `/v1/carts/${cartId}`, about, "about");
  const { checkoutId } = await ask(buyer, "POST", "/v1/checkouts", { cartId }, "begin");
  return { buyer, checkoutId: String(checkoutId) };
}

function ended(buyer: ShopClient, checkoutId: string, send: PersistentSend): Promise<Answer> {
  const look = (): Promise<Answer> => send(buyer, "GET", `/v1/checkouts/${checkoutId}`, {});
  return until("it is decided", look, ({ body }) => body.status !== "completing", 60_000);
}

function checkLoser(answer: Answer, sku: string): void {
  if (answer.status === 200) {
    // Answered "completing" at first, and told when it was looked at again.
    const { status, problem } = answer.body as { status: string; problem?: { code: string } };
    return assert.deepEqual([status, problem?.code], ["open", "inventory/stock-short"]);
  }
  checkProblem(answer, "complete");
  assert.equal(answer.status, 409, JSON.stringify(answer.body));
  assert.equal(answer.body.code, "inventory/stock-short");
  assert.match(JSON.stringify(answer.body), new RegExp(sku));
}

/** The provider's own books: what it has is for the winners, and nobody else was left with a charge or a hold. */
function noChargeKept(data: Parameters<typeof readProvider>[0], placed: ReadonlySet<string>): void {
  const payments = readPayments(data);
  for (const [id, { authorized, released, captured, refunded }] of readProvider(data)) {
    const orderId = payments.get(id)?.order_id ?? "";
    const kept = authorized - released - refunded;
    if (placed.has(orderId)) assert.equal(captured - refunded, payments.get(id)?.amount);
    else assert.equal(kept, 0, `payment ${id} of order ${orderId}`);
  }
}

/** Does something `count` times, `width` at a time. */
async function inSteps<T>(count: number, width: number, work: (n: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) results[n] = await work(n);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
