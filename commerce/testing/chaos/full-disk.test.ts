/**
 * The shop in one process on a disk that is full: writes are refused as what passes, reads go on, nobody sees a stack, and
 * with room again all is well by itself, with nothing lost.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Answer, ShopClient } from "../client.ts";
import { ADDRESS, buy } from "../flow.ts";
import { openShop, until } from "../open-shop.ts";
import { settled } from "./settled.ts";
import { TightDisk, withoutMounting } from "./tight-disk.ts";
import { seedStock } from "./wishes.ts";

const skip = withoutMounting();
/** What the shop's files take, and some orders. */
const MEGABYTES = 64;
const WRITES_MAX = 2_000;

test("a full disk: orders are refused until there is room, and none is lost", { skip, timeout: 90_000 }, async () => {
  using disk = new TightDisk(MEGABYTES);
  const dataFolder = join(disk.folder, "data");
  mkdirSync(dataFolder);
  await using shop = await openShop({ dataFolder, run: { relaxed: false } });
  const [sku] = [...seedStock()].toSorted(([, a], [, b]) => b - a)[0] ?? assert.fail("the seed has no stock");
  const lines = [{ sku, quantity: 1 }];
  const guest = await shop.guest();
  const plain = new ShopClient(shop.url, { token: guest.token });
  const acknowledged = [String((await buy(guest, { lines })).checkout.orderId)];

  disk.fill();
  // Files have some room left in them: sooner or later each write needs more.
  const refusals: Answer[] = [];
  for (let n = 0; refusals.length < 10; n += 1) {
    assert.ok(n < WRITES_MAX, "the disk does not get full");
    const answer = await plain.post("/v1/carts", { currency: "EUR", country: "DE" }, { key: `full-${n}` });
    if (answer.status !== 201) refusals.push(answer);
  }
  for (const { status, headers, body } of refusals) {
    assert.equal(status, 503, JSON.stringify(body));
    assert.equal(body.code, "store/disk-full");
    assert.ok(Number(headers["retry-after"]) > 0);
    assert.doesNotMatch(JSON.stringify(body), /SQLITE|ENOSPC|\bat \w+ \(/);
  }
  await guest.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=5");
  await guest.expect(200, "GET", `/v1/orders/${acknowledged[0]}`);

  disk.free();
  // The same request as one that was refused, with its key.
  const cart = await until(
    "a cart is made again",
    () => plain.post("/v1/carts", { currency: "EUR", country: "DE" }, { key: "full-0" }),
    ({ status }) => status === 201,
  );
  const path = `/v1/carts/${String(cart.body.cartId)}`;
  await guest.expect(200, "POST", `${path}/lines`, { body: lines[0], key: "line" });
  const about = { email: "ada@example.com", shippingAddress: ADDRESS, shippingOption: "standard" };
  await guest.expect(200, "PATCH", path, { body: about, key: "about" });
  acknowledged.push(String((await buy(guest, { lines })).checkout.orderId));

  using _ = await settled(shop, acknowledged);
  plain.close();
});
