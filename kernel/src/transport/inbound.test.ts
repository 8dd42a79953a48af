import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Metrics } from "../observe/mod.ts";
import { type Transaction, writeAssertion } from "../security/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { type LogFields, type Logger, silentLogger } from "../std/mod.ts";
import { type InboundCall, PeerRefused, UserTokens, inbound } from "./mod.ts";

const CHECKOUT = "spiffe://shop.test/service/checkout";
const GATEWAY = "spiffe://shop.test/gateway";
const OPERATOR = "spiffe://shop.test/operator";
const clock = new ManualClock();
const anna = Object.freeze({ subject: "anna", roles: ["admin"], guest: false, session: "s1" });
const transaction: Transaction = { identity: anna, txn: "t1", expiresAt: clock.now() + 60_000 };

let logged: LogFields[] = [];
const log: Logger = { ...silentLogger, warn: (_, fields = {}) => void logged.push(fields) };
let tokens: UserTokens;
let admit: ReturnType<typeof inbound>;

beforeEach(() => {
  logged = [];
  tokens = new UserTokens({ clock });
  const transactions = { verify: (token: string) => (token === "good" ? transaction : "signature") } as const;
  admit = inbound({ trustDomain: "shop.test", transactions, tokens, clock, log, metrics: new Metrics() });
});

function call(more: Partial<InboundCall> = {}): InboundCall {
  return {
    ...{ service: "orders", operation: "place", input: { a: 1 }, key: "k", clientKey: false, attempt: 1 },
    ...{ deadlineAt: 1, caller: "checkout", trace: undefined, criticality: "normal", signal: undefined },
    ...{ userToken: undefined, ...more },
  };
}

function reasonOf(asked: InboundCall, peer: string): string {
  try {
    admit(asked, peer);
  } catch (error) {
    assert.ok(PeerRefused.is(error), String(error));
    assert.equal(error.kind, "denied");
    return error.data.reason;
  }
  return assert.fail("It was let in.");
}

void test("a service calls as itself, for nobody or for the user whose token it shows", () => {
  const plain = admit(call(), CHECKOUT);
  assert.equal(plain.caller, "checkout");
  assert.equal(plain.identity, undefined);
  assert.equal(plain.peer, CHECKOUT);
  assert.deepEqual(plain.input, { a: 1 });
  assert.equal(admit(call({ userToken: "good" }), CHECKOUT).identity, anna);
});

void test("a service calls as nobody else, and not as a client", () => {
  assert.match(reasonOf(call({ caller: "orders" }), CHECKOUT), /calls as orders/);
  assert.match(reasonOf(call({ caller: undefined, userToken: "good" }), CHECKOUT), /calls as nobody/);
});

void test("a gateway calls for clients, and as no service", () => {
  const asked = admit(call({ caller: undefined, userToken: "good" }), GATEWAY);
  assert.equal(asked.caller, undefined);
  assert.equal(asked.identity, anna);
  assert.match(reasonOf(call({ caller: "checkout" }), GATEWAY), /is no service/);
});

void test("a token that is not good is refused, not passed over", () => {
  assert.match(reasonOf(call({ userToken: "bad" }), CHECKOUT), /token is refused: signature/);
  assert.match(reasonOf(call({ caller: undefined, userToken: "bad" }), GATEWAY), /token is refused/);
  assert.match(reasonOf(call({ userToken: "asserted:{" }), CHECKOUT), /malformed/);
});

void test("a service may tell for whom it works: that has no roles, and is marked", () => {
  const said = admit(call({ userToken: writeAssertion(anna) }), CHECKOUT).identity;
  assert.deepEqual(said, { subject: "anna", roles: [], guest: false, session: "s1", asserted: true });
  const forged = 'asserted:{"subject":"anna","guest":false,"roles":["admin"],"asserted":false}';
  assert.deepEqual(admit(call({ userToken: forged }), CHECKOUT).identity?.roles, []);
  assert.equal(admit(call({ userToken: forged }), CHECKOUT).identity?.asserted, true);
  assert.match(reasonOf(call({ caller: undefined, userToken: writeAssertion(anna) }), GATEWAY), /only services/);
});

void test("the operator calls the operator's service as itself, and nothing else", () => {
  const asked = call({ caller: undefined, service: "operator" });
  assert.deepEqual(admit(asked, OPERATOR).identity, { subject: OPERATOR, roles: [], guest: false });
  assert.match(reasonOf(call({ caller: undefined }), OPERATOR), /operator's service only/);
  assert.match(reasonOf({ ...asked, userToken: "good" }, OPERATOR), /nobody else/);
});

void test("everybody else is refused", () => {
  const strangers = ["spiffe://bank.test/service/checkout", "spiffe://shop.test/job/x", "checkout", "", `${GATEWAY}/`];
  for (const stranger of strangers) {
    assert.match(reasonOf(call(), stranger), /neither a service/);
  }
});

void test("refusals are logged with peer, operation and reason, and not without end", () => {
  for (let time = 0; time < 100; time += 1) reasonOf(call({ caller: "cart", userToken: "good" }), CHECKOUT);
  assert.equal(logged.length, 50);
  const [first] = logged;
  assert.equal(first?.["peer"], CHECKOUT);
  assert.equal(first?.["operation"], "orders.place");
  assert.match(String(first?.["reason"]), /calls as cart/);
  assert.ok(!JSON.stringify(logged).includes("good"), "a token was logged");
});

void test("a token goes on as it came while it is good, and then the service only tells who the user is", () => {
  const { identity } = admit(call({ userToken: "good" }), CHECKOUT);
  assert.equal(tokens.of(identity), "good");
  assert.equal(tokens.of(undefined), undefined);
  const own = { subject: "bert", roles: ["admin"], guest: false };
  assert.equal(tokens.of(own), 'asserted:{"subject":"bert","guest":false}');
  const over = new UserTokens({ clock: { now: () => transaction.expiresAt } });
  over.keep(transaction, "good");
  assert.equal(over.of(anna), writeAssertion(anna));
});

void test("a gateway makes tokens for those whom it has let in, and never for what is asserted", () => {
  const gateway = new UserTokens({ clock, issuer: { issue: ({ subject }) => `made for ${subject}` } });
  assert.equal(gateway.of(anna), "made for anna");
  assert.equal(gateway.of({ ...anna, asserted: true }), writeAssertion(anna));
});
