/** A shop of this process that has come to rest, and what its databases say then. */
import assert from "node:assert/strict";
import { shop as system } from "../../system.ts";
import { type ShopData, checkShop, describeViolations, listenersOf, underWay } from "../invariants/mod.ts";
import { type OpenShop, until } from "../open-shop.ts";

const LISTENERS = listenersOf(system);

/** Waits until nothing is under way, and holds the shop to all invariants. Resolves with its databases; whoever asks closes them. */
export async function settled(shop: OpenShop, acknowledged: readonly string[]): Promise<ShopData> {
  await until(
    "nothing is under way",
    async () => {
      using now = await shop.data();
      return underWay(now, LISTENERS);
    },
    (left) => left.length === 0,
    // To copy all databases costs something, and the shop wants to settle.
    { timeoutMs: 60_000, everyMs: 400 },
  );
  const data = await shop.data();
  const violations = await checkShop(data, { listeners: LISTENERS, acknowledged });
  assert.equal(violations.length, 0, describeViolations(violations));
  return data;
}
