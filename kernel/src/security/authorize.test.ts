import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AccessRule, anyone, owner, permission, services, user } from "../contract/mod.ts";
import { type Bearer, accessPolicy, isOwner, permissionTable } from "./authorize.ts";

const permissionsOf = permissionTable({ manager: ["orders.manage"], clerk: ["orders.read"] });
const bearers: Readonly<Record<string, Bearer | undefined>> = {
  nobody: undefined,
  shopper: { subject: "u1", roles: [] },
  manager: { subject: "u2", roles: ["clerk", "manager"] },
  odd: { subject: "u3", roles: ["__proto__", "constructor", "unknown"] },
};

const table: readonly [string, readonly AccessRule[], Readonly<Record<string, string>>][] = [
  ["none", [], { nobody: "forbidden", shopper: "forbidden", manager: "forbidden", odd: "forbidden" }],
  ["anyone", [anyone], { nobody: "allow", shopper: "allow", manager: "allow", odd: "allow" }],
  ["user", [user], { nobody: "unauthenticated", shopper: "allow", manager: "allow", odd: "allow" }],
  ["owner", [owner], { nobody: "unauthenticated", shopper: "ask-owner", manager: "ask-owner", odd: "ask-owner" }],
  [
    "permission",
    [permission("orders.manage")],
    { nobody: "unauthenticated", shopper: "forbidden", manager: "allow", odd: "forbidden" },
  ],
  [
    "owner or permission",
    [owner, permission("orders.manage")],
    { nobody: "unauthenticated", shopper: "ask-owner", manager: "allow", odd: "ask-owner" },
  ],
  ["services", [services("checkout")], { nobody: "forbidden", shopper: "forbidden", manager: "forbidden" }],
];

for (const [name, rules, expected] of table) {
  void test(`the rules "${name}" decide for each bearer at the edge`, () => {
    const policy = accessPolicy(rules);
    for (const [who, decision] of Object.entries(expected)) {
      assert.equal(policy.decide(undefined, bearers[who], permissionsOf).decision, decision, who);
    }
  });
}

void test("a named service is let in whoever stands behind the call, an unnamed one is not", () => {
  const policy = accessPolicy([services("checkout", "orders"), permission("orders.manage")]);
  for (const bearer of Object.values(bearers))
    assert.equal(policy.decide("orders", bearer, permissionsOf).decision, "allow");
  assert.equal(policy.decide("cart", bearers["shopper"], permissionsOf).decision, "forbidden");
  assert.equal(policy.decide("cart", undefined, permissionsOf).decision, "unauthenticated");
});

void test("an identity that a service only asserts satisfies no rule about users, whatever is said of it", () => {
  const manager = bearers["manager"];
  assert.ok(manager);
  const said = { ...manager, asserted: true };
  for (const rules of [[user], [owner], [permission("orders.manage")], [user, owner, permission("orders.manage")]]) {
    assert.equal(accessPolicy(rules).decide("cart", said, permissionsOf).decision, "forbidden");
    assert.notEqual(accessPolicy(rules).decide("cart", manager, permissionsOf).decision, "forbidden");
  }
  const policy = accessPolicy([user, services("checkout")]);
  assert.deepEqual(policy.decide("checkout", said, permissionsOf), { decision: "allow", by: "services" });
  assert.equal(policy.decide("cart", said, permissionsOf).decision, "forbidden");
  assert.equal(accessPolicy([anyone]).decide("cart", said, permissionsOf).decision, "allow");
  assert.equal(isOwner(said, said.subject), false);
});

void test("an object without an owner is nobody's", () => {
  assert.equal(isOwner({ subject: "u1", roles: [] }, undefined), false);
  assert.equal(isOwner(undefined, undefined), false);
  assert.equal(isOwner({ subject: "u1", roles: [] }, "u2"), false);
  assert.equal(isOwner({ subject: "u1", roles: [] }, "u1"), true);
});

void test("more rules never take a right away", () => {
  const rule = fc.constantFrom<AccessRule>(anyone, user, owner, permission("orders.read"), services("cart"));
  const who = fc.constantFrom(...Object.values(bearers));
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      rule,
      who,
      fc.constantFrom(undefined, "cart"),
      (rules, more, b, c) => {
        const rank = { allow: 2, "ask-owner": 1, unauthenticated: 0, forbidden: 0 };
        const before = accessPolicy(rules).decide(c, b, permissionsOf).decision;
        assert.ok(rank[accessPolicy([...rules, more]).decide(c, b, permissionsOf).decision] >= rank[before]);
      },
    ),
  );
});
