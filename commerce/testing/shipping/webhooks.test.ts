import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nodeCrypto } from "../../../kernel/src/node/crypto.ts";
import { signWebhook } from "@isomer/kernel/security";
import { shipping } from "../../shipping/contract.ts";
import { Depot, SECRET, type Webhook } from "./harness.ts";

const sign = (depot: Depot, body: string, secret = SECRET, ageSeconds = 0): Webhook => ({
  body,
  signature: signWebhook({
    secret,
    rawBody: body,
    nowSeconds: Math.floor(depot.now() / 1_000) - ageSeconds,
    crypto: nodeCrypto(),
  }),
});

/** A parcel on its way whose webhooks are all still to come. */
async function journey(depot: Depot, postalCode: string) {
  depot.holdsWebhooks = true;
  const shipment = await depot.ready({ postalCode });
  await depot.invoke(shipping.ship({ shipmentId: shipment.shipmentId }));
  await depot.tellCarrier();
  for (let steps = 0; steps < 8; steps += 1) await depot.step();
  return shipment;
}

async function stateOf(depot: Depot, orderId: string, trackingNumber: string) {
  const { history, status } = await depot.invoke(shipping.track({ trackingNumber }));
  const said = history.map((entry) => [entry.status, entry.message]);
  return { status, said, summary: (await depot.shipment(orderId)).status };
}

describe("webhooks of the carrier", () => {
  test("in any order, and twice, lead to the same state, and no event goes back", async () => {
    for (const [postalCode, end] of [
      ["20457", "delivered"],
      ["00500", "delivered"],
      ["00303", "returned_to_sender"],
      ["00404", "lost"],
    ] as const) {
      let first: unknown;
      for (const arrange of ORDERS) {
        await using depot = await Depot.start({ webhookCopies: 1 });
        const { orderId, trackingNumber = "" } = await journey(depot, postalCode);
        for (const webhook of arrange(depot.held)) assert.equal((await depot.post(webhook)).status, 200);
        const state = await stateOf(depot, orderId, trackingNumber);
        assert.deepEqual([state.status, state.summary], [end, end]);
        // The plain parcels of two runs have other tracking numbers, so other hubs and delays.
        if (postalCode !== "20457") assert.deepEqual((first ??= state.said), state.said);
        const events = await depot.eventsOf(orderId);
        const last = end === "delivered" ? "Delivered" : "Returned";
        assert.equal(events.indexOf(last), events.length - 1, `nothing is told after the end: ${events.join()}`);
      }
    }
  });

  test("are refused unless they are signed, lately, by the carrier, over just this body", async () => {
    await using depot = await Depot.start();
    await depot.ready();
    depot.holdsWebhooks = true;
    await depot.deliver();
    const [good] = depot.held;
    assert.ok(good !== undefined);
    const refused = [
      { ...good, signature: "nonsense" },
      { ...good, body: `${good.body} ` },
      sign(depot, good.body, "another secret"),
      sign(depot, good.body, SECRET, 400),
    ];
    for (const webhook of refused) assert.equal((await depot.post(webhook)).status, 403);
    for (const body of ["", "{", "[]", '{"id":"1","type":"other"}', "[".repeat(60_000)]) {
      const { status } = await depot.post(sign(depot, body));
      assert.ok(status >= 400 && status < 500, `${status} for ${body.slice(0, 20)}`);
    }
    assert.equal((await depot.rows("shipping", "SELECT * FROM webhook_inbox")).length, 0, "nothing was stored");
    assert.equal((await depot.post(good)).status, 200);
    assert.equal((await depot.post(sign(depot, good.body))).status, 200, "again, signed anew: acknowledged");
    assert.equal((await depot.rows("shipping", "SELECT * FROM webhook_inbox")).length, 1);
  });

  test("of a parcel that is not known yet wait for it, and not for ever", async () => {
    await using depot = await Depot.start();
    const orderId = await depot.order();
    await depot.place(orderId);
    depot.network = "lostAnswer";
    await depot.tellCarrier();
    const [parcel] = await depot.rows<{ tracking_number: string }>("sandboxship", "SELECT * FROM parcel");
    const body = JSON.stringify({
      id: "evt_early",
      type: "tracking.updated",
      created: new Date(depot.now()).toISOString(),
      tracking: {
        trackingNumber: parcel?.tracking_number,
        reference: "x",
        entry: { id: "e1", status: "exception", at: new Date(depot.now()).toISOString(), message: "Held up." },
      },
    });
    assert.equal((await depot.post(sign(depot, body))).status, 200);
    const lost = body.replace("evt_early", "evt_lost").replace(parcel?.tracking_number ?? "", "SBX0000000000");
    assert.equal((await depot.post(sign(depot, lost))).status, 200);
    depot.network = "up";
    depot.move(2_000);
    await depot.tellCarrier();
    await depot.host.runJob("shipping", "processWebhooks");
    await depot.host.idle();
    assert.equal((await depot.shipment(orderId)).status, "exception");
    for (let runs = 0; runs < 12; runs += 1) {
      depot.move(600_000);
      await depot.host.runJob("shipping", "processWebhooks");
    }
    const inbox = await depot.rows<{ event_id: string; result: string; next_at: number | null }>(
      "shipping",
      "SELECT * FROM webhook_inbox WHERE event_id IN ('evt_early', 'evt_lost') ORDER BY event_id",
    );
    assert.deepEqual(
      inbox.map(({ result, next_at }) => [result, next_at]),
      [
        ["taken in", null],
        ["no such parcel", null],
      ],
    );
  });

  test("are sent again until they are acknowledged", async () => {
    await using depot = await Depot.start();
    const { orderId, shipmentId } = await depot.ready();
    await depot.invoke(shipping.ship({ shipmentId }));
    await depot.tellCarrier();
    const { post } = depot;
    depot.post = async () => ({ status: 503, headers: {}, body: "" });
    await depot.step();
    assert.equal((await depot.shipment(orderId)).status, "shipped");
    depot.post = post;
    depot.move(1_000);
    await depot.deliver();
    assert.equal((await depot.shipment(orderId)).status, "in_transit");
    const waiting = await depot.rows("sandboxship", "SELECT * FROM delivery WHERE next_at IS NOT NULL");
    assert.equal(waiting.length, 0);
  });
});

/** Ways in which webhooks may arrive. */
const ORDERS: readonly ((sent: readonly Webhook[]) => readonly Webhook[])[] = [
  (sent) => sent,
  (sent) => sent.toReversed(),
  (sent) => [...sent, ...sent],
  (sent) => sent.toSorted((a, b) => (a.signature < b.signature ? -1 : 1)),
  (sent) => [...sent.slice(2), ...sent.slice(0, 3), ...sent.toReversed()],
];
