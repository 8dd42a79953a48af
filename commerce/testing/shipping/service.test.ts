import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFault } from "@isomer/kernel/std";
import { inventory } from "../../inventory/contract.ts";
import { NoShipment, OnHold, WrongStatus, shipping } from "../../shipping/contract.ts";
import { Depot, PACKER } from "./harness.ts";

const ADA = { subject: "ada", roles: ["customer"], guest: false };
const EVE = { subject: "eve", roles: ["customer"], guest: false };

describe("a placed order", () => {
  test("becomes a shipment with a label, leaves, moves and arrives", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId, status, trackingNumber = "" } = await depot.ready({ quantity: 2 });
    assert.equal(status, "ready");
    assert.deepEqual(await depot.stock(), { onHand: 10, allocated: 2 });
    const shipped = await depot.invoke(shipping.ship({ shipmentId }));
    assert.equal(shipped.status, "shipped");
    assert.deepEqual(await depot.stock(), { onHand: 8, allocated: 0 }, "its stock has left with it");
    await depot.tellCarrier();
    for (let steps = 0; steps < 8; steps += 1) await depot.step();
    assert.equal((await depot.shipment(orderId)).status, "delivered");
    const events = await depot.eventsOf(orderId);
    assert.deepEqual([events.slice(0, 2), events.at(-1)], [["Ready", "Shipped"], "Delivered"]);
    assert.ok(events.includes("Moved"));
    const { history, carrier } = await depot.invoke(shipping.track({ trackingNumber }), EVE);
    assert.equal(carrier, "Sandbox Post");
    assert.deepEqual(
      history.slice(0, 3).map((entry) => entry.status),
      ["label_bought", "ready", "shipped"],
    );
    assert.equal(JSON.stringify(history).includes("Lovelace"), false, "no personal data");
  });

  test("is one shipment however often it is told of, and one label though answers get lost", async () => {
    await using depot = await Depot.start();
    const orderId = await depot.order();
    await depot.place(orderId);
    await depot.place(orderId);
    const { shipmentId, status } = await depot.shipment(orderId);
    assert.equal(status, "draft");
    depot.network = "lostAnswer";
    await depot.tellCarrier();
    assert.equal((await depot.shipment(orderId)).status, "draft");
    depot.network = "up";
    depot.move(2_000);
    await depot.tellCarrier();
    assert.equal((await depot.shipment(orderId)).status, "ready");
    const labels = await depot.rows("sandboxship", "SELECT * FROM parcel");
    assert.equal(labels.length, 1);
    assert.deepEqual(await depot.eventsOf(orderId), ["Ready"]);
    assert.equal((await depot.invoke(shipping.list({ status: "ready" }))).items[0]?.shipmentId, shipmentId);
  });

  test("knows its parcel by name although it was called off before the answer to its label came", async () => {
    await using depot = await Depot.start();
    const orderId = await depot.order();
    await depot.place(orderId);
    depot.network = "lostAnswer";
    await depot.tellCarrier();
    depot.network = "up";
    await depot.call("orders", shipping.cancelForOrder({ orderId, reason: "regret" }));
    await depot.tellCarrier();
    await depot.step();
    const [label] = await depot.rows<{ status: string; tracking_number: string }>(
      "sandboxship",
      "SELECT * FROM parcel",
    );
    const [row] = await depot.rows<{ tracking_number: string }>("shipping", "SELECT * FROM shipment");
    assert.equal(label?.status, "cancelled");
    assert.equal(row?.tracking_number, label?.tracking_number);
    depot.move(10_000);
    await depot.host.runJob("shipping", "processWebhooks");
    const waiting = await depot.rows("shipping", "SELECT * FROM webhook_inbox WHERE next_at IS NOT NULL");
    assert.deepEqual(waiting, [], "what the carrier says of it finds its parcel");
  });

  test("leaves by itself where the settings say so, but not while somebody looks at it", async () => {
    await using depot = await Depot.start({ autoShip: true });
    const { orderId, shipmentId } = await depot.ready();
    const ship = async () => {
      await depot.host.runJob("shipping", "autoShip");
      await depot.host.idle();
      return (await depot.shipment(orderId)).status;
    };
    assert.equal(await ship(), "ready", "not at once");
    await depot.tell("held", { orderId, reason: "fraud?", by: "sam" });
    depot.move(6_000);
    assert.equal(await ship(), "ready", "on hold");
    await assert.rejects(depot.invoke(shipping.ship({ shipmentId })), OnHold.is);
    await depot.tell("resumed", { orderId, by: "sam" });
    assert.equal(await ship(), "shipped");
    assert.deepEqual(await depot.stock(), { onHand: 9, allocated: 0 });
  });
});

describe("shipping a parcel", () => {
  test("twice, or at once from two sides, ships it once", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    const both = await Promise.all([1, 2].map(() => depot.invoke(shipping.ship({ shipmentId }))));
    assert.deepEqual(
      both.map(({ status }) => status),
      ["shipped", "shipped"],
    );
    await assert.rejects(depot.invoke(shipping.ship({ shipmentId })), WrongStatus.is);
    assert.deepEqual(await depot.stock(), { onHand: 9, allocated: 0 });
    assert.deepEqual(await depot.eventsOf(orderId), ["Ready", "Shipped"]);
  });

  test("needs its stock: where inventory refuses nothing has happened, and it may be called off", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    await depot.call("orders", inventory.release({ orderId, reason: "test" }));
    await assert.rejects(depot.invoke(shipping.ship({ shipmentId })), (error) => {
      assert.ok(isFault(error));
      assert.equal(error.code, "inventory/reservation-closed");
      return true;
    });
    assert.equal((await depot.shipment(orderId)).status, "ready");
    await depot.call("orders", shipping.cancelForOrder({ orderId, reason: "test" }));
    assert.equal((await depot.shipment(orderId)).status, "cancelled");
  });

  test("a parcel that the carrier took without a word of ours has left all the same", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    await depot.host.invoke({
      service: "sandboxship",
      operation: "handOver",
      input: { apiKey: "ck_test_123456789", reference: shipmentId },
    });
    await depot.step();
    assert.equal((await depot.shipment(orderId)).status, "in_transit");
    assert.deepEqual(await depot.stock(), { onHand: 9, allocated: 0 });
    assert.deepEqual(await depot.eventsOf(orderId), ["Ready", "Moved", "Shipped"]);
    await assert.rejects(depot.call("orders", shipping.cancelForOrder({ orderId, reason: "late" })), WrongStatus.is);
  });
});

describe("calling off", () => {
  test("stops a parcel that has not left, and voids its label", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    const cancel = shipping.cancelForOrder({ orderId, reason: "changed my mind" });
    await depot.call("orders", cancel);
    await depot.call("orders", cancel);
    await assert.rejects(depot.invoke(shipping.ship({ shipmentId })), WrongStatus.is);
    await depot.tellCarrier();
    const [parcel] = await depot.rows<{ status: string }>("sandboxship", "SELECT status FROM parcel");
    assert.equal(parcel?.status, "cancelled");
    assert.deepEqual(await depot.eventsOf(orderId), ["Ready", "Cancelled"]);
    const [row] = await depot.rows<{ address: string }>("shipping", "SELECT address FROM shipment");
    assert.equal(row?.address, "", "nobody needs to know where it would have gone");
    assert.deepEqual(await depot.rows("shipping", "SELECT * FROM carrier_task"), []);
  });

  test("an order that was not heard of yet never gets a shipment", async () => {
    await using depot = await Depot.start();
    const orderId = await depot.order();
    await depot.call("orders", shipping.cancelForOrder({ orderId, reason: "early" }));
    await depot.place(orderId);
    await depot.tellCarrier();
    assert.deepEqual(
      (await depot.invoke(shipping.byOrder({ orderId }), ADA)).items,
      [],
      "for its owner there are none",
    );
    assert.deepEqual(await depot.rows("sandboxship", "SELECT * FROM parcel"), []);
  });

  test("while the label is asked for voids it too, whichever comes first", async () => {
    await using depot = await Depot.start();
    const orderId = await depot.order();
    await depot.place(orderId);
    depot.beforeRequest = async () => {
      depot.beforeRequest = undefined;
      await depot.call("orders", shipping.cancelForOrder({ orderId, reason: "in between" }));
    };
    await depot.tellCarrier();
    await depot.tellCarrier();
    const { status, trackingNumber } = await depot.shipment(orderId);
    assert.equal(status, "cancelled");
    assert.notEqual(trackingNumber, undefined, "known, in case somebody asks what it was");
    const [parcel] = await depot.rows<{ status: string }>("sandboxship", "SELECT status FROM parcel");
    assert.equal(parcel?.status, "cancelled");
    assert.deepEqual(await depot.eventsOf(orderId), ["Cancelled"]);
  });

  test("a parcel that has left, or is leaving, is refused", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    const [shipped, cancelled] = await Promise.allSettled([
      depot.invoke(shipping.ship({ shipmentId })),
      depot.call("orders", shipping.cancelForOrder({ orderId, reason: "race" })),
    ]);
    // One of the two happens, never both: a parcel that left with its stock, or none of it.
    assert.deepEqual([shipped.status, cancelled.status].toSorted(), ["fulfilled", "rejected"]);
    const { onHand } = await depot.stock();
    assert.equal(onHand, shipped.status === "fulfilled" ? 9 : 10);
    if (shipped.status === "fulfilled") {
      await assert.rejects(depot.call("orders", shipping.cancelForOrder({ orderId, reason: "late" })), WrongStatus.is);
    }
  });
});

describe("who may", () => {
  test("owners see their shipments, others do not know that there are any; only the warehouse ships", async () => {
    await using depot = await Depot.start();
    const { shipmentId, orderId } = await depot.ready();
    assert.equal((await depot.invoke(shipping.byOrder({ orderId }), ADA)).items.length, 1);
    for (const call of [
      () => depot.invoke(shipping.byOrder({ orderId }), EVE),
      () => depot.invoke(shipping.byOrder({ orderId: "order-404" }), ADA),
      () => depot.invoke(shipping.ship({ shipmentId }), ADA),
      () => depot.invoke(shipping.list({}), ADA),
      () => depot.invoke(shipping.cancelForOrder({ orderId, reason: "x" }), PACKER),
    ]) {
      await assert.rejects(call(), (error) => isFault(error) && ["missing", "denied"].includes(error.kind));
    }
    await assert.rejects(depot.invoke(shipping.track({ trackingNumber: "NOTHING1" }), EVE), NoShipment.is);
  });
});
