import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Identity } from "@isomer/kernel/contract";
import { auth } from "../auth/contract.ts";
import { orders } from "../orders/contract.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import { ADDRESSES_MAX, users } from "./contract.ts";
import service from "./service.ts";

const address = { name: "Ada", line1: "1 Main St", city: "Graz", postalCode: "8010", country: "AT" };
const staff: Identity = { subject: "key:1", roles: ["support"], guest: false };

let world: TestWorld;
let ada: Identity;
let userId = "";

before(async () => {
  world = await testWorld({
    services: [
      service,
      standIn(auth),
      standIn(orders, {
        queries: {
          mine: (_, identity) => pageOf(identity),
          get: ({ orderId }: { orderId: string }) => anOrder(orderId),
        },
      }),
    ],
    roles: { support: ["users.read"] },
  });
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  userId = world.host.world.ids.next();
  ada = { subject: userId, roles: ["customer"], guest: false };
  await world.emit(auth.events.userRegistered, { userId, email: `${userId}@example.com`, name: "Ada" });
});

const price = { amount: 100, currency: "EUR" };
const pageOf = (identity: Identity | undefined) => ({
  items:
    identity?.subject === userId
      ? [
          {
            orderId: "o1",
            number: "N1",
            lifecycle: "placed",
            payment: "captured",
            fulfilment: "processing",
            total: price,
            items: 1,
            createdAt: "2026-01-01T00:00:00.000Z",
          },
        ]
      : [],
});
const anOrder = (orderId: string) => ({
  orderId,
  number: "N1",
  lifecycle: "placed",
  payment: "captured",
  fulfilment: "processing",
  email: "ada@example.com",
  currency: "EUR",
  lines: [],
  totals: { subtotal: price, discount: price, shipping: price, tax: price, total: price },
  captured: price,
  refunded: price,
  shippingAddress: address,
  shippingOption: { code: "standard", label: "Standard", carrier: "Sandbox", price },
  couponCodes: [],
  trackingNumbers: [],
  notes: [],
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
});

describe("profiles", () => {
  test("sign-up makes one; a change needs the version that was seen", async () => {
    const me = await world.call(users.me({}), { identity: ada });
    assert.deepEqual(
      [me.email, me.name, me.version, me.preferences.marketing],
      [`${userId}@example.com`, "Ada", 1, false],
    );
    const changed = await world.call(users.updateMe({ version: 1, phone: "+43 1" }), { identity: ada });
    assert.deepEqual([changed.name, changed.phone, changed.version], ["Ada", "+43 1", 2]);
    const stale = await world.fault(users.updateMe({ version: 1, name: "Eve" }), { identity: ada });
    assert.deepEqual([stale.code, stale.data], ["users/changed", { what: "profile", version: 2 }]);
  });

  test("whoever is quicker than the news of the sign-up has a profile all the same, and keeps what was said", async () => {
    const early: Identity = { ...ada, subject: world.host.world.ids.next() };
    assert.equal((await world.call(users.me({}), { identity: early })).email, undefined);
    await world.call(users.updateMe({ version: 1, name: "Quick" }), { identity: early });
    await world.emit(auth.events.userRegistered, { userId: early.subject, email: "q@example.com", name: "Slow" });
    const me = await world.call(users.me({}), { identity: early });
    assert.deepEqual([me.email, me.name, me.version], ["q@example.com", "Quick", 2]);
  });

  test("guests and keys have none", async () => {
    for (const identity of [{ ...ada, guest: true }, staff]) {
      assert.equal((await world.fault(users.me({}), { identity })).code, "users/no-profile");
    }
  });

  test("preferences change one by one, are told, and consent is dated", async () => {
    await world.call(users.setPreferences({ marketing: true }), { identity: ada });
    const now = await world.call(users.setPreferences({ locale: "de" }), { identity: ada });
    assert.deepEqual(now, { locale: "de", emailUpdates: true, smsUpdates: true, marketing: true });
    world.move(1_000);
    await world.call(users.setPreferences({ marketing: false }), { identity: ada });
    const { consents } = await world.call(users.exportMe({}), { identity: ada });
    assert.deepEqual(
      consents.map(({ purpose, given }) => [purpose, given]),
      [
        ["marketing", true],
        ["marketing", false],
      ],
    );
    assert.equal(
      (await world.events(users.events.preferencesChanged)).filter((data) => data.userId === userId).length,
      3,
    );
  });
});

describe("addresses", () => {
  test("the first is the default, and there is never more than one", async () => {
    const first = await world.call(users.addAddress({ address }), { identity: ada });
    const second = await world.call(users.addAddress({ address, label: "Work", isDefault: true }), { identity: ada });
    assert.deepEqual([first.isDefault, second.isDefault], [true, true]);
    const { items } = await world.call(users.addresses({}), { identity: ada });
    assert.deepEqual(
      items.map(({ isDefault }) => isDefault),
      [false, true],
    );
  });

  test("a change needs the version that was seen; others' addresses do not exist", async () => {
    const { addressId } = await world.call(users.addAddress({ address }), { identity: ada });
    const change = { addressId, version: 1, address: { ...address, city: "Wien" } };
    const eve: Identity = { ...ada, subject: world.host.world.ids.next() };
    assert.equal((await world.fault(users.updateAddress(change), { identity: eve })).code, "users/no-address");
    await world.call(users.removeAddress({ addressId }), { identity: eve });
    assert.equal((await world.call(users.updateAddress(change), { identity: ada })).version, 2);
    assert.equal((await world.fault(users.updateAddress(change), { identity: ada })).code, "users/changed");
    await world.call(users.removeAddress({ addressId }), { identity: ada });
    assert.deepEqual((await world.call(users.addresses({}), { identity: ada })).items, []);
  });

  test("the book is bounded", async () => {
    for (let added = 0; added < ADDRESSES_MAX; added += 1)
      await world.call(users.addAddress({ address }), { identity: ada });
    assert.equal(
      (await world.fault(users.addAddress({ address }), { identity: ada })).code,
      "users/too-many-addresses",
    );
  });
});

describe("personal data", () => {
  test("the export has everything, the caller's orders too", async () => {
    await world.call(users.addAddress({ address }), { identity: ada });
    const data = await world.call(users.exportMe({}), { identity: ada });
    assert.deepEqual([data.profile.userId, data.addresses.length, data.orders.length], [userId, 1, 1]);
  });

  test("erasure leaves nothing that tells who it was, and a late event brings nothing back", async () => {
    await world.call(users.addAddress({ address: { ...address, name: `Zed ${userId}` } }), { identity: ada });
    assert.equal((await world.fault(users.erase({ confirm: "yes" } as never), { identity: ada })).kind, "invalid");
    await world.call(users.erase({ confirm: "erase my data" }), { identity: ada });
    await world.emit(auth.events.userRegistered, { userId, email: `${userId}@example.com`, name: "Ada" });
    assert.equal((await world.fault(users.me({}), { identity: ada })).code, "users/no-profile");
    assert.equal((await world.fault(users.addAddress({ address }), { identity: ada })).code, "users/no-profile");
    assert.equal((await world.fault(users.get({ userId }), { identity: staff })).code, "users/no-profile");
    const kept = JSON.stringify([
      await world.rows("users", "SELECT * FROM profile"),
      await world.rows("users", "SELECT * FROM address"),
    ]);
    assert.equal(kept.includes(`${userId}@example.com`) || kept.includes(`Zed ${userId}`), false);
    assert.ok((await world.events(users.events.customerErased)).some((data) => data.userId === userId));
  });

  test("profiles are for who may read them, page by page and by the beginning of an address", async () => {
    assert.equal((await world.fault(users.list({}), { identity: ada })).kind, "denied");
    const first = await world.call(users.list({ limit: 2 }), { identity: staff });
    const second = await world.call(users.list({ limit: 2, cursor: first.nextCursor ?? "" }), { identity: staff });
    const ids = [...first.items, ...second.items].map((item) => item.userId);
    assert.equal(new Set(ids).size, 4);
    assert.deepEqual(ids, ids.toSorted().toReversed());
    const found = await world.call(users.list({ search: userId.toUpperCase() }), { identity: staff });
    assert.deepEqual(
      found.items.map((item) => item.userId),
      [userId],
    );
  });
});
