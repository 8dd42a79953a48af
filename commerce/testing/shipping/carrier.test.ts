import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FATES, journeyOf } from "../../sandboxship/journeys.ts";
import { ADDRESS } from "../flow.ts";
import { Depot } from "./harness.ts";

const KEY = { "sandbox-key": "ck_test_123456789", "content-type": "application/json" };

async function post(depot: Depot, path: string, body: unknown = {}, headers: Record<string, string> = KEY) {
  const response = await depot.http("POST", `/sandbox/ship${path}`, headers, JSON.stringify(body));
  return { status: response.status, body: JSON.parse(response.body) as Record<string, unknown> };
}
const label = (reference: string) => ({ reference, service: "standard", items: 1, to: ADDRESS });

describe("the sandbox carrier", () => {
  test("sells one label for a reference, and none without its key", async () => {
    await using depot = await Depot.start();
    const first = await post(depot, "/labels", label("a"));
    const second = await post(depot, "/labels", label("a"));
    assert.deepEqual([first.status, second.body], [200, first.body]);
    assert.notEqual((await post(depot, "/labels", label("b"))).body["trackingNumber"], first.body["trackingNumber"]);
    for (const key of [{}, { "sandbox-key": "wrong" }]) {
      const refused = await post(depot, "/labels", label("c"), { "content-type": "application/json", ...key });
      assert.deepEqual([refused.status, refused.body["code"]], [403, "sandboxship/bad-api-key"]);
    }
  });

  test("voids a label before it leaves, also one that was never bought, and not after", async () => {
    await using depot = await Depot.start();
    assert.equal((await post(depot, "/labels/never/cancel")).body["status"], "cancelled");
    assert.equal((await post(depot, "/labels", label("never"))).body["code"], "sandboxship/label-cancelled");
    assert.equal((await post(depot, "/labels/none/hand-over")).status, 404);
    await post(depot, "/labels", label("a"));
    assert.equal((await post(depot, "/labels/a/hand-over")).status, 200);
    assert.equal((await post(depot, "/labels/a/hand-over")).status, 200, "twice is once");
    assert.equal((await post(depot, "/labels/a/cancel")).body["code"], "sandboxship/parcel-left");
    depot.holdsWebhooks = true;
    for (let steps = 0; steps < 8; steps += 1) await depot.step();
    const ledger = await depot.http("GET", "/sandbox/ship/ledger?reference=a&limit=100", KEY);
    const seen = (JSON.parse(ledger.body) as { items: { status: string; trackingNumber: string }[] }).items;
    assert.deepEqual([seen[0]?.status, seen.at(-1)?.status], ["pre_transit", "delivered"]);
    const tracked = await depot.http("GET", `/sandbox/ship/tracking/${seen[0]?.trackingNumber}`, KEY);
    assert.equal((JSON.parse(tracked.body) as { history: unknown[] }).history.length, seen.length);
  });

  test("decides a parcel's way by its number, once", () => {
    const to = { postalCode: "20457", country: "DE" };
    const numbers = Array.from({ length: 200 }, (_, index) => `SBX${index}`);
    const ways = numbers.map((number) => journeyOf(number, to, "standard"));
    assert.deepEqual(
      ways,
      numbers.map((number) => journeyOf(number, to, "standard")),
    );
    const delayed = ways.filter((way) => way.some(({ status }) => status === "exception")).length;
    assert.ok(delayed > 5 && delayed < 60, `${delayed} of 200 are held up`);
    assert.ok(ways.every((way) => way.at(-1)?.status === "delivered"));
    const ends = Object.keys(FATES).map(
      (postalCode) => journeyOf("SBX1", { ...to, postalCode }, "standard").at(-1)?.status,
    );
    assert.deepEqual(new Set(ends), new Set(["lost", "return_to_sender", "delivered"]));
    assert.ok(journeyOf("SBX1", to, "pickup-point").some(({ status }) => status === "available_for_pickup"));
  });
});
