/** The matrix between services, what is not reachable from outside, and what keeps a rule from being forgotten. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { anyone, command, contract, http, owner, permission, query, services } from "@isomer/kernel/contract";
import { defineSystem, implement } from "@isomer/kernel/runtime";
import { t } from "@isomer/kernel/schema";
import { type Fault, toFault } from "@isomer/kernel/std";
import { shop as system } from "../../system.ts";
import { operationsOf } from "../operations.ts";
import { type OpenShop, openShop } from "../open-shop.ts";
import { REFUSALS, type Verdict, verdictOf } from "./verdict.ts";

let shop: OpenShop;
before(async () => {
  shop = await openShop({ empty: true });
});
after(() => shop[Symbol.asyncDispose]());

const all = system.contracts.flatMap((callee) =>
  operationsOf(callee).map(([operation, definition]) => ({ service: callee.name, operation, definition })),
);

/** Somebody behind a call between services: nobody, a customer, an admin. */
const PEOPLE = [undefined, ["customer"], ["admin"]] as const;
/** Fits no schema: what is let in is refused before it does anything. */
const PROBE = { "no-such-field": true };

async function faultOf(work: () => Promise<unknown>): Promise<Fault> {
  try {
    await work();
  } catch (error) {
    return toFault(error);
  }
  throw new Error("The probe was let through a schema that should have refused it.");
}

const origin = (caller: string, roles: readonly string[] | undefined) => ({
  caller,
  identity: roles === undefined ? undefined : { subject: "somebody", roles, guest: false },
  trace: undefined,
  criticality: "critical" as const,
  deadlineAt: shop.host.world.clock.monotonicMs() + 5_000,
  signal: undefined,
});

describe("between services", () => {
  test("each service reaches what it declared and what its rules let it, and nothing else", async (tt) => {
    const wrong: string[] = [];
    let count = 0;
    for (const caller of system.services) {
      const { name } = caller.contract;
      const uses = new Set(caller.uses.map((used) => used.name));
      for (const { service, operation, definition } of all) {
        if (service === name) continue;
        for (const roles of PEOPLE) {
          const from = origin(name, roles);
          const asker = { service: name, ...(roles === undefined ? {} : { roles }) };
          const allowed = verdictOf(definition.allow, asker);
          const expected = uses.has(service) ? allowed : "undeclared";
          const key = definition.kind === "command" ? "k" : undefined;
          const envelope = { ...from, service, operation, input: PROBE, key, clientKey: false, attempt: 1 };
          const { code } = await faultOf(() => shop.host.transport.send(envelope));
          const got = code === "kernel/undeclared" ? "undeclared" : verdictBy(code, allowed);
          count += 1;
          if (got !== expected)
            wrong.push(`${name} → ${service}.${operation} for ${String(roles)}: ${got}, not ${expected}`);
        }
      }
    }
    tt.diagnostic(`${system.services.length} services, ${all.length} operations, 3 people: ${count} calls`);
    assert.deepEqual(wrong, []);
  });

  test("a call that is not declared does not leave its service", async (tt) => {
    let count = 0;
    for (const caller of system.services) {
      const { outbound } = shop.host.runner(caller.contract.name);
      const uses = new Set(caller.uses.map((used) => used.name));
      for (const { service, operation } of all) {
        if (uses.has(service)) continue;
        count += 1;
        assert.throws(() => outbound.route({ service, operation, input: {} }), { code: "kernel/undeclared" });
      }
    }
    tt.diagnostic(`${count} pairs`);
  });
});

/** An owner's rule is decided after the input is checked, so a probe gets no further than that. */
function verdictBy(code: string, allowed: Verdict): Verdict {
  const refused = REFUSALS[code];
  if (refused !== undefined) return refused;
  assert.equal(code, "kernel/invalid");
  return allowed === "missing" ? "missing" : "allow";
}

describe("from outside", () => {
  test("operations without a route are not there, whatever the path", async (tt) => {
    const inner = all.filter(({ definition }) => definition.http === undefined);
    for (const { service, operation } of inner) {
      const paths = [
        `/v1/${service}/${operation}`,
        `/${service}/${operation}`,
        `/${service}.${operation}`,
        `/rpc/${service}/${operation}`,
      ];
      for (const path of paths) {
        for (const method of ["POST", "GET"]) {
          const { status, body } = await shop.client.ask(method, path, method === "GET" ? {} : { body: {} });
          const isOther = body.code !== "gateway/no-route" && body.code !== "gateway/method-not-allowed";
          // `GET /v1/orders/open` is the order named "open": somebody else's route, with its own rules.
          if (isOther)
            assert.ok(status === 401 || status === 404, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
        }
      }
    }
    tt.diagnostic(`${inner.length} operations without a route`);
  });

  test("operations for services refuse every person, also at the door of the host", async () => {
    for (const { service, operation, definition } of all) {
      if (!definition.allow.every((rule) => rule.kind === "services")) continue;
      const identity = { subject: "root", roles: Object.keys(system.roles), guest: false };
      const fault = await faultOf(() => shop.host.invoke({ service, operation, input: PROBE, identity }));
      assert.equal(fault.code, "kernel/forbidden", `${service}.${operation}`);
    }
  });

  test("the routes that are served are those of the contracts, in the document and on the socket", async (tt) => {
    const routes = all.flatMap(({ definition }) => (definition.http === undefined ? [] : [definition.http]));
    const expected = new Map<string, Set<string>>();
    for (const { method, path } of routes) {
      const key = path.replaceAll(/:\w+/g, "{}");
      expected.set(key, (expected.get(key) ?? new Set()).add(method));
    }
    const { body } = await shop.client.get("/openapi.json");
    const documented = new Map<string, Set<string>>();
    for (const [path, item] of Object.entries(body.paths as Record<string, object>)) {
      const methods = Object.keys(item).map((method) => method.toUpperCase());
      const key = path.replaceAll(/\{\w+\}/g, "{}");
      documented.set(key, new Set([...(documented.get(key) ?? []), ...methods.filter((m) => m !== "PARAMETERS")]));
    }
    assert.deepEqual(sorted(documented), sorted(expected));
    for (const { path } of routes) {
      // What the router says of a path, for every path: no method more than the contracts have.
      const answer = await shop.client.ask("OPTIONS", path.replaceAll(/:\w+/g, "x"));
      assert.equal(answer.status, 204, path);
      const allowed = String(answer.headers["allow"])
        .split(", ")
        .filter((m) => m !== "HEAD" && m !== "OPTIONS");
      const meant = routes.filter((route) => matches(route.path, path)).map(({ method }) => method);
      assert.deepEqual(allowed.toSorted(), [...new Set(meant)].toSorted(), path);
    }
    tt.diagnostic(`${routes.length} routes on ${expected.size} paths`);
  });
});

const sorted = (map: ReadonlyMap<string, Set<string>>): string[] =>
  [...map].map(([path, methods]) => `${path} ${[...methods].toSorted().join(" ")}`).toSorted();

/** Whether a route's pattern matches the path made from another's by writing `x` for each field. */
function matches(pattern: string, other: string): boolean {
  const sample = other.replaceAll(/:\w+/g, "x");
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`).test(sample);
}

describe("a rule cannot be forgotten", () => {
  const empty = t.object({});
  const io = { input: empty, output: empty };

  test("an operation without a rule is no contract", () => {
    assert.throws(
      () => contract("lax", { version: "1.0.0", queries: { look: query({ ...io, allow: [] }) } }),
      /lets nobody call it/,
    );
    assert.throws(
      () => contract("lax", { version: "1.0.0", commands: { act: command({ ...io, allow: [] }) } }),
      /lets nobody call it/,
    );
    // @ts-expect-error -- `allow` cannot be left out.
    assert.throws(() => contract("lax", { version: "1.0.0", queries: { look: query(io) } }), TypeError);
  });

  test("an owner whom nobody can name is no service", () => {
    const owned = contract("owned", { version: "1.0.0", queries: { look: query({ ...io, allow: [owner] }) } });
    const handlers = { commands: {}, queries: { look: async () => ({}) } };
    assert.throws(() => implement()(owned, handlers), /"owners" does not say who/);
    const open = contract("open", { version: "1.0.0", queries: { look: query({ ...io, allow: [anyone] }) } });
    assert.throws(
      () => implement()(open, { ...handlers, owners: { look: async () => "somebody" } }),
      /no rule "owner"/,
    );
  });

  test("a permission or a caller that does not exist is no system", () => {
    const make = (allow: ReturnType<typeof permission>) => {
      const one = contract("one", {
        version: "1.0.0",
        queries: { look: query({ ...io, allow: [allow], http: http("GET /look") }) },
      });
      return implement()(one, { commands: {}, queries: { look: async () => ({}) } });
    };
    const define = (allow: ReturnType<typeof permission>) =>
      defineSystem({ name: "s", services: [make(allow)], roles: {} });
    assert.throws(() => define(permission("one.manage")), /which no contract declares/);
    assert.throws(() => define(services("ghost")), /which is not in the system/);
    assert.throws(
      () => defineSystem({ name: "s", services: [make(anyone)], roles: { boss: ["one.rule"] } }),
      /no contract declares/,
    );
  });
});
