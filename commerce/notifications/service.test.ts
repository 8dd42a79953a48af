import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Identity } from "@isomer/kernel/contract";
import { type Mail, type MailPort, MailRefused, MailUnavailable, type Tx } from "@isomer/kernel/runtime";
import { silentLogger } from "@isomer/kernel/std";
import { auth } from "../auth/contract.ts";
import { cart } from "../cart/contract.ts";
import authService from "../auth/service.ts";
import { orders } from "../orders/contract.ts";
import { money } from "../shared/mod.ts";
import { shipping } from "../shipping/contract.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import { users } from "../users/contract.ts";
import { tell } from "./compose.ts";
import { notifications } from "./contract.ts";
import { outcomeOf, pauseAfter } from "./deliver.ts";
import service from "./service.ts";
import type { Tables } from "./store.ts";
import { LINK_TOKEN } from "./templates.ts";

const staff: Identity = { subject: "system", roles: ["admin"], guest: false };
const USER = "01890000-0000-7000-8000-00000000000a";
const price = money(2_500, "EUR");

function open(options: { mail?: MailPort; openMailbox?: boolean } = {}): Promise<TestWorld> {
  const { mail, openMailbox = true } = options;
  return testWorld({
    services: [
      service,
      authService,
      standIn(cart, { uses: [auth] }),
      standIn(orders),
      standIn(shipping),
      standIn(users),
    ],
    settings: { notifications: { shopUrl: "https://shop.test", openMailbox } },
    roles: { admin: ["notifications.read", "notifications.manage"] },
    ...(mail === undefined ? {} : { mail }),
  });
}

const placed = (orderId: string, country = "IE") => ({
  orderId,
  number: `N-${orderId}`,
  subject: USER,
  email: "ada@example.com",
  currency: "EUR",
  lines: [
    {
      lineId: "1",
      sku: "MUG",
      productId: "p",
      title: "Mug",
      quantity: 1,
      unitPrice: price,
      discount: money(0, "EUR"),
      tax: money(0, "EUR"),
      total: price,
    },
  ],
  totals: { subtotal: price, discount: money(0, "EUR"), shipping: price, tax: money(0, "EUR"), total: price },
  shippingAddress: { name: "Ada", line1: "1 Main St", city: "Cork", postalCode: "T12", country, phone: "+353 1 234" },
  shippingOption: { code: "standard", label: "Standard", carrier: "Sandbox", price },
  paymentId: "pay",
});
const moved = (orderId: string, status: "shipped" | "in_transit" | "out_for_delivery" | "delivered") => ({
  shipmentId: "01890000-0000-7000-8000-0000000000ff",
  orderId,
  subject: USER,
  carrier: "Sandbox",
  trackingNumber: "SB123456",
  status,
  at: "2026-01-01T00:00:00.000Z",
});

const deliver = (world: TestWorld) => world.host.runJob("notifications", "deliver");
const told = async (world: TestWorld) => (await world.call(notifications.mailbox({ limit: 100 }))).items.toReversed();

/** A mail server that keeps mails, and fails as told. */
function mailServer() {
  const sent: Mail[] = [];
  const failures: Error[] = [];
  const port: MailPort = {
    async send(mail) {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      sent.push(mail);
    },
  };
  return { sent, failures, port };
}

describe("what people are told", () => {
  test("an order and its parcel, by mail and text, in the language of where it goes", async () => {
    await using world = await open();
    await world.emit(orders.events.placed, placed("o1", "AT"));
    await world.emit(shipping.events.shipmentShipped, moved("o1", "shipped"));
    await world.emit(shipping.events.shipmentMoved, moved("o1", "in_transit"));
    await world.emit(shipping.events.shipmentMoved, moved("o1", "out_for_delivery"));
    await world.emit(shipping.events.shipmentDelivered, moved("o1", "delivered"));
    await deliver(world);
    const items = await told(world);
    assert.deepEqual(
      items.map(({ template, channel }) => `${template} ${channel}`),
      [
        "order-placed@1 email",
        "shipment-shipped@1 email",
        "shipment-shipped@1 sms",
        "out-for-delivery@1 email",
        "out-for-delivery@1 sms",
        "shipment-delivered@1 email",
      ],
    );
    assert.match(items[0]?.subject ?? "", /Danke für Ihre Bestellung N-o1/);
    assert.match(items[2]?.text ?? "", /https:\/\/shop\.test\/v1\/tracking\/SB123456/);
    assert.ok(items.every(({ status }) => status === "sent"));
  });

  test("preferences decide the language, and whether news of parcels come; confirmations always do", async () => {
    await using world = await open();
    const preferences = { locale: "de-AT", emailUpdates: false, smsUpdates: false, marketing: false };
    await world.emit(users.events.preferencesChanged, { userId: USER, preferences });
    await world.emit(orders.events.placed, placed("o1"));
    await world.emit(shipping.events.shipmentShipped, moved("o1", "shipped"));
    await world.emit(orders.events.refunded, {
      orderId: "o1",
      number: "N-o1",
      subject: USER,
      email: "ada@example.com",
      amount: price,
      refundedTotal: price,
    });
    const items = await told(world);
    assert.deepEqual(
      items.map(({ template }) => template),
      ["order-placed@1", "order-refunded@1"],
    );
    assert.match(items[1]?.subject ?? "", /Erstattung/);
  });

  test("an erased person is forgotten, and told nothing more", async () => {
    await using world = await open();
    await world.emit(orders.events.placed, placed("o1"));
    await world.emit(users.events.customerErased, { userId: USER });
    await world.emit(shipping.events.shipmentShipped, moved("o1", "shipped"));
    assert.deepEqual(await told(world), []);
    for (const table of ["contact", "recipient", "message"]) {
      assert.equal(JSON.stringify(await world.rows("notifications", `SELECT * FROM ${table}`)).includes("ada@"), false);
    }
  });

  test("the mail has the secret of its link; no table and no event has it", async () => {
    const server = mailServer();
    await using world = await open({ mail: server.port });
    await world.call(auth.register({ email: "ada@example.com", password: "a long sentence of mine" }));
    await world.host.idle();
    await deliver(world);
    const token = /isl_[\w.-]+/.exec(server.sent[0]?.text ?? "")?.[0] ?? "";
    assert.equal(server.sent[0]?.html?.includes(token), true);
    for (const [name, tables] of [
      ["notifications", ["message", "isomer_log", "isomer_inbox"]],
      ["auth", ["link", "isomer_log", "isomer_idempotency"]],
    ] as const) {
      for (const table of tables) {
        assert.equal(JSON.stringify(await world.rows(name, `SELECT * FROM ${table}`)).includes(token), false, table);
      }
    }
    await world.call(auth.verifyEmail({ token }));
    const [item] = await told(world);
    assert.match(item?.text ?? "", /used-or-expired/);
  });
});

describe("delivery", () => {
  test("the same event, heard again, tells nobody twice", async () => {
    await using world = await open();
    const { clock, ids } = world.host.world;
    const ctx = { settings: { shopUrl: "" }, log: silentLogger, ids, now: () => clock.now() };
    const origin = { caller: undefined, identity: undefined, trace: undefined, criticality: "normal" } as const;
    const telling = { eventId: "e1", template: "order-refunded", locale: "en", userId: USER, phone: "+1" } as const;
    const hear = (email: string) =>
      world.host
        .runner("notifications")
        .transact("test", origin, undefined, (tx) =>
          tell(tx as unknown as Tx<Tables>, ctx, { ...telling, email, data: { number: "1", amount: price } }),
        );
    for (const email of ["ada@example.com", "ada@example.com", "bo@example.com"]) await hear(email);
    assert.deepEqual(
      (await told(world)).map(({ to }) => to),
      ["ada@example.com", "bo@example.com"],
    );
  });

  test("what certainly did not go out goes again, later and later, and is given up at last", async () => {
    const server = mailServer();
    await using world = await open({ mail: server.port });
    await world.emit(orders.events.placed, placed("o1"));
    for (let tried = 1; tried <= 8; tried += 1) {
      server.failures.push(MailUnavailable.with({ detail: "busy" }));
      await deliver(world);
      await deliver(world);
      assert.equal(server.failures.length, 0, "the failure was met");
      world.move(pauseAfter(tried) + 1);
    }
    await deliver(world);
    assert.equal(server.sent.length, 0);
    const { items } = await world.call(notifications.messages({ status: "dead" }), { identity: staff });
    assert.deepEqual([items[0]?.attempts, items[0]?.status], [8, "dead"]);
    await world.call(notifications.resend({ messageId: items[0]?.messageId ?? "" }), { identity: staff });
    await deliver(world);
    assert.equal(server.sent.length, 1);
  });

  test("an unknown outcome is never tried again, and neither is a refusal", async () => {
    const server = mailServer();
    await using world = await open({ mail: server.port });
    await world.emit(orders.events.placed, placed("o1"));
    await world.emit(orders.events.placed, placed("o2"));
    server.failures.push(new Error("the connection broke"), MailRefused.with({ detail: "no such mailbox" }));
    await deliver(world);
    world.move(86_400_000);
    await deliver(world);
    assert.equal(server.sent.length, 0);
    const { items } = await world.call(notifications.messages({}), { identity: staff });
    assert.deepEqual(items.map(({ status }) => status).toSorted(), ["dead", "unknown"]);
    assert.equal((await world.events(notifications.events.messageFailed)).length, 2);
  });

  test("a message that was claimed when the host stopped is not sent again", async () => {
    const server = mailServer();
    await using world = await open({ mail: server.port });
    await world.emit(orders.events.placed, placed("o1"));
    const now = world.host.world.clock.now();
    const crash = `UPDATE message SET status = 'sending', attempts = 1, claimed_at = ${now}`;
    await world.host
      .databases()
      .get("notifications")
      ?.write({ label: "test" }, (connection) => connection.run(crash));
    await deliver(world);
    world.move(600_001);
    await deliver(world);
    assert.equal(server.sent.length, 0);
    const { items } = await world.call(notifications.messages({}), { identity: staff });
    assert.equal(items[0]?.status, "unknown");
  });

  test("suppressed addresses get nothing", async () => {
    const server = mailServer();
    await using world = await open({ mail: server.port });
    await world.call(notifications.suppress({ recipient: "ADA@example.com", reason: "bounced" }), { identity: staff });
    await world.emit(orders.events.placed, placed("o1"));
    await deliver(world);
    assert.equal(server.sent.length, 0);
    const { items } = await world.call(notifications.messages({}), { identity: staff });
    assert.deepEqual([items[0]?.status, items[0]?.error], ["suppressed", "bounced"]);
  });

  test("only failures that certainly sent nothing are repeated", () => {
    assert.equal(outcomeOf(MailUnavailable.with({ detail: "x" })).status, "queued");
    assert.equal(outcomeOf(MailRefused.with({ detail: "x" })).status, "dead");
    assert.equal(outcomeOf(new Error("anything else")).status, "unknown");
  });
});

describe("the mailbox", () => {
  test("is closed unless the settings open it, to staff too", async () => {
    await using world = await open({ openMailbox: false });
    for (const call of [notifications.mailbox({}), notifications.mailboxPage({})]) {
      assert.equal((await world.fault(call)).kind, "missing");
      assert.equal((await world.fault(call, { identity: staff })).kind, "missing");
    }
    assert.equal((await world.fault(notifications.messages({}))).kind, "denied");
  });

  test("shows mails in frames that can do nothing", async () => {
    await using world = await open();
    await world.emit(orders.events.placed, { ...placed("o1"), number: "<b>&" });
    const { items } = await world.call(notifications.mailbox({}));
    const { content } = await world.call(notifications.mailboxPage({ message: items[0]?.messageId ?? "" }));
    assert.match(content, /<iframe sandbox title="The mail" srcdoc="&lt;!doctype html&gt;/);
    assert.equal(content.includes("<b>&<"), false);
    assert.equal(content.includes(LINK_TOKEN), false);
    assert.match((await world.call(notifications.mailboxPage({}))).content, /http-equiv="refresh"/);
  });
});
