/** What a system must fit together by, and what its services must have: told at the start, by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AccessRule,
  type ContractBase,
  anyone,
  contract,
  event,
  owner,
  permission,
  query,
  services,
} from "../contract/mod.ts";
import { saga } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { type Service, type Subscription, defineSystem, implement, subscribe } from "./mod.ts";

const nothing = t.object({});

function named(name: string, allow: readonly AccessRule[] = [anyone], permissions = {}): ContractBase {
  return contract(name, {
    version: "1.0.0",
    permissions,
    queries: { look: query({ input: nothing, output: nothing, allow }) },
    events: { told: event({ key: "id", data: t.object({ id: t.text() }) }) },
  });
}

interface Parts {
  readonly uses?: readonly ContractBase[];
  readonly on?: readonly Subscription[];
}

const serve = (base: ContractBase, parts: Parts = {}): Service =>
  implement()(base, { commands: {}, queries: { look: () => Promise.resolve({}) }, ...(parts as Pick<Parts, "uses">) });

const system = (...all: readonly Service[]) => defineSystem({ name: "test", services: all, roles: {} });

describe("a system", () => {
  test("has one service of each name", () => {
    assert.throws(() => system(serve(named("a")), serve(named("a"))), /two services named "a"/);
  });

  test("has every service that another uses, hears or lets in", () => {
    const b = named("b");
    assert.throws(() => system(serve(named("a"), { uses: [b] })), /"a" uses "b", which is not in the system/);
    const told = b.events["told"];
    assert.ok(told !== undefined);
    const on = [subscribe<never>()(told, () => Promise.resolve())];
    assert.throws(() => system(serve(named("a"), { on })), /"a" hears b\.told, which is not in the system/);
    assert.throws(() => system(serve(named("a", [services("b")]))), /lets "b" in, which is not in the system/);
  });

  test("lets nobody in who does not say that it calls", () => {
    const guarded = named("a", [services("b")]);
    assert.throws(() => system(serve(guarded), serve(named("b"))), /"b" does not list "a" in "uses"/);
    const made = system(serve(guarded), serve(named("b"), { uses: [guarded] }));
    assert.deepEqual([made.mayCall("b", "a"), made.mayCall("a", "b")], [true, false]);
  });

  test("has every permission that a rule or a role names", () => {
    const asks = named("a", [permission("a.look")]);
    assert.throws(() => system(serve(asks)), /a\.look asks for the permission "a\.look", which no contract declares/);
    const declares = named("a", [permission("a.look")], { "a.look": "Look." });
    const made = defineSystem({ name: "test", services: [serve(declares)], roles: { seer: ["a.look"] } });
    assert.deepEqual([...made.permissionsOf("seer")], ["a.look"]);
    for (const unknown of ["nobody", "constructor", "__proto__"]) assert.equal(made.permissionsOf(unknown).size, 0);
  });
});

describe("a service", () => {
  test("handles what its contract says, no more and no less", () => {
    const base = named("a");
    const none = { commands: {}, queries: {} };
    const more = { commands: {}, queries: { look: () => Promise.resolve({}), leap: () => Promise.resolve({}) } };
    assert.throws(() => implement()(base, none), /no handler for the query look/);
    assert.throws(() => implement()(base, more), /handles the unknown query leap/);
  });

  test("says whose an object is exactly where owners are let in", () => {
    const look = { commands: {}, queries: { look: () => Promise.resolve({}) } };
    const owners = { look: () => Promise.resolve("somebody") };
    assert.throws(() => implement()(named("a", [owner]), look), /"owners" does not say who that is/);
    assert.throws(() => implement()(named("a"), { ...look, owners } as never), /no rule "owner" in its contract/);
  });

  test("runs no saga that calls what it does not use: it does not compile", () => {
    const look = { commands: {}, queries: { look: () => Promise.resolve({}) } };
    const seat = saga<never, "tables">()("seat", { input: nothing, output: nothing, run: () => Promise.resolve({}) });
    const tables = contract("tables", { version: "1.0.0" });
    implement<never>()(named("a"), { ...look, uses: [tables], sagas: [seat] });
    // @ts-expect-error -- "tables" is not in `uses`.
    implement<never>()(named("a"), { ...look, sagas: [seat] });
  });
});
