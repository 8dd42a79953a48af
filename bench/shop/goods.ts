/** Goods that do not run out, and people who buy them. */
import type { ShopClient } from "@isomer/commerce/testing/client.ts";
import type { Goods } from "./load.ts";

/** Stock for a benchmark of any length. */
const PLENTY = 1_000_000;

/** Two things to buy, of which there is plenty from now on where the password of the admin is given. */
export async function goodsOf(client: ShopClient, password: string): Promise<Goods> {
  const list = await client.get("/v1/storefront/products?currency=EUR&limit=3");
  const items = list.body.items as { slug: string; skus: string[] }[];
  const [, one, two] = items.flatMap(({ skus }) => skus);
  if (one === undefined || two === undefined) throw new Error("The shop sells nothing.");
  const goods = { skus: [one, two], slugs: items.slice(0, 2).map(({ slug }) => slug) };
  if (password === "") return goods;
  const login = await client.post("/v1/auth/login", { email: "admin@example.com", password });
  const admin = client.as(String(login.body.accessToken));
  for (const sku of [one, two]) {
    const receipt = { lines: [{ sku, location: "rotterdam", quantity: PLENTY }], reason: "benchmark" };
    const { status, body } = await admin.post("/v1/inventory/receipts", receipt);
    if (status >= 300) throw new Error(JSON.stringify(body));
  }
  return goods;
}

/** So many guests, signed in, one after another: a host that has just started turns a crowd away. */
export async function guests(client: ShopClient, count: number): Promise<ShopClient[]> {
  const shoppers: ShopClient[] = [];
  for (let tries = 0; shoppers.length < count; tries += 1) {
    const { status, body } = await client.post("/v1/guests");
    if (status < 300) shoppers.push(client.as(String(body.accessToken)));
    else if (status !== 503 || tries > 10 * count) throw new Error(`No guest: ${status} ${JSON.stringify(body)}`);
  }
  return shoppers;
}
