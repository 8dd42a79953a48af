/** Placements: what a file may say, and what leads from one to the next. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PlacementInvalid, UnknownName } from "./faults.ts";
import {
  defaultPlacement,
  groupOf,
  parsePlacement,
  placeService,
  placementDiff,
  placementText,
  scaleGroup,
} from "./placement.ts";

const SERVICES = ["cart", "orders", "payments"];
const parse = (value: unknown) => parsePlacement(JSON.stringify(value), SERVICES);

describe("a placement file", () => {
  test("may say little: what it does not name gets a group of its own, and there are two gateways", () => {
    const { gateways, groups } = parse({ version: 1, groups: { money: { services: ["orders", "payments"] } } });
    assert.deepEqual(gateways, { replicas: 2, port: 3000 });
    assert.deepEqual(groups, {
      money: { services: ["orders", "payments"], replicas: 1 },
      cart: { services: ["cart"], replicas: 1 },
    });
  });

  test("is read as it was written", () => {
    const placement = scaleGroup(placeService(defaultPlacement(SERVICES), "cart", "orders"), "orders", 3);
    assert.deepEqual(parsePlacement(placementText(placement), SERVICES), placement);
  });

  const group = (services: unknown, more: object = {}) => ({ version: 1, groups: { one: { services, ...more } } });
  const refused: readonly [string, unknown, RegExp][] = [
    ["names no service of the system", group(["carts"]), /"one" names "carts", which is no service/],
    [
      "has a service twice",
      { version: 1, groups: { a: { services: ["cart"] }, b: { services: ["cart"] } } },
      /in two groups, "a" and "b"/,
    ],
    ["is of another version", { version: 2, groups: {} }, /\/version/],
    ["has an empty group", group([]), /\/groups\/one\/services/],
    ["has too many processes", group(["cart"], { replicas: 33 }), /\/groups\/one\/replicas/],
    ["has a word that means nothing", group(["cart"], { replica: 2 }), /\/groups\/one/],
    [
      "names a group like a service that is elsewhere",
      { version: 1, groups: { cart: { services: ["orders"] } } },
      /name of a service that is not in it/,
    ],
    [
      "names a group like something else",
      { version: 1, groups: { gateway: { services: ["orders"] } } },
      /has that already/,
    ],
    [
      "names a group in capitals",
      { version: 1, groups: { One: { services: ["orders"] } } },
      /"One" is no name for a group/,
    ],
  ];
  for (const [what, value, message] of refused) {
    test(`that ${what} is refused with a sentence that says so`, () => {
      assert.throws(
        () => parse(value),
        (error) => PlacementInvalid.is(error) && message.test(error.message),
      );
    });
  }

  test("that is not JSON is refused with a sentence that says so", () => {
    assert.throws(() => parsePlacement("{", SERVICES), /it is not JSON/);
  });
});

describe("names", () => {
  const placement = placeService(defaultPlacement(SERVICES), "cart", "orders");

  test("of services mean their group", () => {
    assert.equal(groupOf(placement, "cart"), "orders");
    assert.equal(groupOf(placement, "payments"), "payments");
    assert.throws(() => groupOf(placement, "kart"), UnknownName.is);
  });

  test("that every object has are names like any other", () => {
    const { groups } = placeService(defaultPlacement(SERVICES), "cart", "constructor");
    assert.deepEqual(Object.entries(groups).find(([name]) => name === "constructor")?.[1].services, ["cart"]);
    assert.throws(() => placeService(defaultPlacement(SERVICES), "cart", "toString"), /no name for a group/);
    assert.throws(() => groupOf(placement, "constructor"), UnknownName.is);
  });

  test("of groups cannot be moved", () => {
    const grouped = placeService(placement, "cart", "sales");
    assert.throws(() => placeService(grouped, "sales", "payments"), /"sales" is a group, not a service/);
  });

  test("of gateways do not move, and nobody is told that there are none", () => {
    assert.throws(() => placeService(placement, "gateway", "orders"), /gateways share no process with services/);
  });

  test("of services that gave their group its name do not leave it to others", () => {
    assert.throws(
      () => placeService(placement, "orders", "sales"),
      /"orders" has the name of a service that is not in it/,
    );
  });
});

test("zones stay with a group when it is scaled, and when services come and go", () => {
  const zones = ["a", "b"];
  const text = JSON.stringify({ version: 1, gateways: { zones }, groups: { cart: { services: ["cart"], zones } } });
  const placed = scaleGroup(parsePlacement(text, SERVICES), "cart", 3);
  assert.deepEqual(parsePlacement(placementText(placed), SERVICES), placed);
  assert.deepEqual(scaleGroup(placed, "gateway", 3).gateways.zones, zones);
  const joined = placeService(placed, "payments", "cart");
  assert.deepEqual(joined.groups["cart"], { services: ["cart", "payments"], replicas: 3, zones });
  const moved = placeService(placed, "cart", "shopping");
  assert.deepEqual(moved.groups["shopping"], { services: ["cart"], replicas: 3, zones });
  assert.deepEqual(placementDiff(placed, moved)[0]?.zones, zones);
});

describe("the names of services", () => {
  for (const name of ["gateway", "redis", "Orders", "a*", ""])
    test(`cannot be "${name}": their certificates and users are named after them`, () => {
      assert.throws(() => defaultPlacement(["cart", name]), PlacementInvalid.is);
      assert.throws(() => parsePlacement('{ "version": 1, "groups": {} }', ["cart", name]), PlacementInvalid.is);
    });
});

describe("from one placement to the next", () => {
  test("the group that gains a service comes first, so that the service is never without a process", () => {
    const before = placeService(defaultPlacement(SERVICES), "cart", "orders");
    const after = placeService(before, "cart", "payments");
    assert.deepEqual(placementDiff(before, after), [
      { group: "payments", services: ["payments", "cart"], replicas: 1, isOther: true },
      { group: "orders", services: ["orders"], replicas: 1, isOther: true },
    ]);
  });

  test("a group that is left empty goes last; one that is made has as many processes as the old one", () => {
    const before = scaleGroup(defaultPlacement(SERVICES), "cart", 2);
    const after = placeService(before, "cart", "shopping");
    assert.deepEqual(placementDiff(before, after), [
      { group: "shopping", services: ["cart"], replicas: 2, isOther: true },
      { group: "cart", services: [], replicas: 0, isOther: false },
    ]);
  });

  test("another number of processes replaces none of them, and what is the same is left alone", () => {
    const before = defaultPlacement(SERVICES);
    assert.deepEqual(placementDiff(before, before), []);
    assert.deepEqual(placementDiff(before, scaleGroup(before, "cart", 4)), [
      { group: "cart", services: ["cart"], replicas: 4, isOther: false },
    ]);
  });
});
