/**
 * The authorisation matrix over HTTP: every operation, by everybody, on own things and on a stranger's. What should
 * come of it is computed from the rules of the contracts; what comes of it is asked of a running shop.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { withApiKey } from "../checked-client.ts";
import type { Answer } from "../client.ts";
import { type HttpOperation, hasRule, httpOperations } from "../operations.ts";
import { type OpenShop, openShop } from "../open-shop.ts";
import { type Actor, assemble } from "./actors.ts";
import { type Request, inputFor, probeFor, requestFor } from "./requests.ts";
import { REFUSALS, STATUSES, type Verdict, verdictOf } from "./verdict.ts";

let shop: OpenShop;
let actors: readonly Actor[];
let stranger: Actor;
let sku: string;

before(async () => {
  shop = await openShop();
  const list = await shop.client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=1");
  sku = String(list.items[0].skus[0]);
  ({ actors, stranger } = await assemble(shop, sku));
});
after(() => shop[Symbol.asyncDispose]());

const send = ({ client }: Actor, { method, path, ask }: Request): Promise<Answer> => client.ask(method, path, ask);

const rolesOf = ({ roles }: Actor) => (roles === undefined ? {} : { roles });

function verdictIn({ status, body }: Answer): Verdict {
  const verdict = status >= 400 ? REFUSALS[(body as { code: string }).code] : undefined;
  if (verdict === undefined || verdict === "allow") return "allow";
  assert.equal(status, STATUSES[verdict]);
  return verdict;
}

/** A request on somebody's things that fits the schema. */
function requestOn(operation: HttpOperation, things: object): Request {
  return requestFor(operation, inputFor(operation, { ...things, sku, code: "WELCOME10", shippingOption: "standard" }));
}

describe("the authorisation matrix", () => {
  test("rules that look at no object: every operation, by everybody", async (t) => {
    const wrong: string[] = [];
    let count = 0;
    for (const operation of httpOperations) {
      const asking = actors.map(async (actor) => {
        const expected = verdictOf(operation.definition.allow, rolesOf(actor));
        // Whether it is theirs is the next test's question.
        if (expected === "missing") return;
        const answer = await send(actor, probeFor(operation));
        count += 1;
        const got = verdictIn(answer);
        if (got !== expected)
          wrong.push(`${operation.name} by ${actor.name}: ${got}, not ${expected} (${answer.status})`);
      });
      await Promise.all(asking);
    }
    t.diagnostic(`${httpOperations.length} operations, ${actors.length} people: ${count} answers`);
    assert.deepEqual(wrong, []);
  });

  test("rules that look at an object: own things are let in, a stranger's are not there", async (t) => {
    const wrong: string[] = [];
    let count = 0;
    // Looking comes before changing, so that what is changed was there to be looked at.
    const owned = httpOperations
      .filter((operation) => hasRule(operation, "owner"))
      .toSorted((a, b) => a.binding.method.localeCompare(b.binding.method));
    for (const operation of owned) {
      for (const actor of actors) {
        for (const [whose, things] of [
          ["own", actor.owns],
          ["a stranger's", stranger.owns],
        ] as const) {
          if (things === undefined) continue;
          const expected = verdictOf(operation.definition.allow, { ...rolesOf(actor), owns: whose === "own" });
          const answer = await send(actor, requestOn(operation, things));
          count += 1;
          const got = verdictIn(answer);
          // Let in, it must also be found.
          const isFound = got !== "allow" || answer.status !== 404;
          if (got !== expected || !isFound) {
            wrong.push(
              `${operation.name} by ${actor.name} on ${whose}: ${got}, not ${expected} (${JSON.stringify(answer.body)})`,
            );
          }
        }
      }
    }
    t.diagnostic(`${owned.length} operations, ${actors.length} people, own and another's: ${count} answers`);
    assert.deepEqual(wrong, []);
  });

  test("another's thing looks like one that does not exist", async () => {
    const customer = actors.find(({ name }) => name === "customer");
    assert.ok(customer !== undefined && stranger.owns !== undefined);
    for (const operation of httpOperations.filter((one) => hasRule(one, "owner"))) {
      const nothing = Object.fromEntries(Object.keys(stranger.owns).map((name) => [name, randomUUID()]));
      const theirs = await send(customer, requestOn(operation, stranger.owns));
      const none = await send(customer, requestOn(operation, nothing));
      const seen = ({ status, body }: Answer) => ({ ...(body as object), status, traceId: "" });
      assert.deepEqual(seen(theirs), seen(none), operation.name);
    }
  });

  test("what is not a credential of its kind is refused everywhere", async (t) => {
    const admin = await shop.client.expect(200, "POST", "/v1/auth/login", {
      body: { email: "admin@example.com", password: shop.password },
    });
    const key = await shop.client.as(String(admin.accessToken)).expect(201, "POST", "/v1/auth/api-keys", {
      body: { name: "kinds", roles: ["admin"] },
    });
    const [head = "", payload = ""] = String(admin.accessToken).split(".");
    const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
    const impostors: [string, OpenShop["client"]][] = [
      ["garbage", shop.client.as("garbage")],
      ["a refresh token", shop.client.as(String(admin.refreshToken))],
      ["an API key as a token", shop.client.as(String(key.key))],
      ["an unsigned token", shop.client.as(`${none}.${payload}.`)],
      ["a token with another's signature", shop.client.as(`${head}.${payload}.${"A".repeat(86)}`)],
      ["a token as an API key", withApiKey(shop.client, String(admin.accessToken))],
    ];
    let count = 0;
    for (const [what, client] of impostors) {
      await Promise.all(
        httpOperations.map(async (operation) => {
          const { method, path, ask } = probeFor(operation);
          const { status, body } = await client.ask(method, path, ask);
          count += 1;
          assert.deepEqual([status, body.code], [401, "gateway/credential-invalid"], `${what}: ${operation.name}`);
        }),
      );
    }
    t.diagnostic(`${impostors.length} impostors at ${httpOperations.length} operations: ${count} answers`);
  });

  test("nothing broke inside", () => {
    assert.deepEqual(shop.complaints, []);
  });
});
