/** Payments against the sandbox provider, through the gateway, with a network that fails. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signWebhook } from "@isomer/kernel/security";
import { isFault } from "@isomer/kernel/std";
import { nodeCrypto } from "@isomer/kernel/node";
import { CaptureTooLarge, PaymentGivenUp, PaymentTaken, RefundTooLarge, payments } from "../../payments/contract.ts";
import { Pair, SECRET, type Webhook, intentIn } from "./harness.ts";

const code = (wanted: { readonly code: string }) => (error: unknown) => isFault(error) && error.code === wanted.code;

/** Both books agree, and the shop's own add up. */
async function assertBooksAgree(pair: Pair, paymentId: string): Promise<void> {
  const { audit } = await pair.ledger(paymentId);
  assert.deepEqual(audit, []);
  const view = await pair.get(paymentId);
  const { authorize = 0, capture = 0, release = 0, refund = 0, refund_failed = 0 } = await pair.providerSums(paymentId);
  assert.deepEqual(
    [view.authorized.amount, view.captured.amount, view.voided.amount, view.refunded.amount],
    [authorize, capture, release, refund - refund_failed],
  );
}

describe("a payment that goes well", () => {
  test("is held by one request, taken in parts, and given back in parts", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    const view = await pair.authorise(paymentId);
    assert.equal(view.status, "authorized");
    assert.deepEqual(pair.asked, ["POST /payment_intents"]);
    await pair.deliver();
    assert.equal((await pair.get(paymentId)).version, view.version, "the webhook tells nothing new");

    assert.equal((await pair.capture(paymentId, 300)).status, "captured_partial");
    assert.equal((await pair.capture(paymentId)).status, "captured");
    assert.equal((await pair.refund(paymentId, "r1", 100)).refunded.amount, 100);
    assert.equal((await pair.refund(paymentId, "r1", 100)).refunded.amount, 100, "one id is one refund");
    await assert.rejects(pair.refund(paymentId, "r2", 901), code(RefundTooLarge));
    await assert.rejects(pair.capture(paymentId), code(CaptureTooLarge));
    assert.equal((await pair.refund(paymentId, "r3", 900)).status, "refunded");
    await pair.deliver();
    await assertBooksAgree(pair, paymentId);
    assert.deepEqual(await pair.eventsOf(paymentId), ["authorized", "captured", "captured", "refunded", "refunded"]);
    const rows = await pair.rows("SELECT * FROM payment WHERE id = ?", paymentId);
    assert.equal(rows[0]?.token, "", "nobody needs the token any more");
  });

  test("is the same when it is asked for twice, and another under its id is refused", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    const first = await pair.authorise(paymentId, "key-1");
    assert.deepEqual(await pair.authorise(paymentId, "key-1"), first);
    assert.equal((await pair.authorise(paymentId, "key-2")).status, "authorized");
    assert.deepEqual(await pair.providerSums(paymentId), { authorize: 1_000 });
    const amount = { amount: 5, currency: "EUR" };
    const other = { paymentId, orderId: "another", amount, customer: "ada", method: { token: "tok_success" } };
    await assert.rejects(pair.call("checkout", payments.create(other)), code(PaymentTaken));
  });

  test("of nothing asks nobody", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success", 0);
    assert.equal((await pair.authorise(paymentId)).status, "authorized");
    assert.equal((await pair.capture(paymentId)).status, "captured");
    assert.deepEqual(pair.asked, []);
  });
});

describe("a capture that takes what there is", () => {
  const rest = (pair: Pair, paymentId: string) => pair.call("checkout", payments.capture({ paymentId, orLeave: true }));

  test("leaves a payment that was called off meanwhile, and one that was taken by hand", async () => {
    await using pair = await Pair.start();
    const off = await pair.create("tok_success");
    await pair.authorise(off);
    await pair.cancel(off);
    await assert.rejects(pair.capture(off), code(PaymentGivenUp));
    assert.deepEqual([(await rest(pair, off)).givenUp, (await rest(pair, off)).captured.amount], [true, 0]);
    const taken = await pair.create("tok_success");
    await pair.authorise(taken);
    await pair.capture(taken, 300);
    assert.equal((await rest(pair, taken)).captured.amount, 1_000);
    await assert.rejects(pair.capture(taken), code(CaptureTooLarge));
    assert.equal((await rest(pair, taken)).captured.amount, 1_000);
    for (const paymentId of [off, taken]) await assertBooksAgree(pair, paymentId);
  });

  test("does not pass for a payment that is not held yet", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    await assert.rejects(rest(pair, paymentId), code(CaptureTooLarge));
  });
});

describe("a payment that is refused", () => {
  for (const [token, reason] of [
    ["tok_decline", "generic_decline"],
    ["tok_insufficient_funds", "insufficient_funds"],
  ] as const) {
    test(`${token} says why, and nothing is held`, async () => {
      await using pair = await Pair.start();
      const paymentId = await pair.create(token);
      const view = await pair.authorise(paymentId);
      assert.deepEqual([view.status, view.declineCode], ["declined", reason]);
      assert.deepEqual(await pair.cancel(paymentId), { paymentId, status: "declined", settled: true });
      await assert.rejects(pair.capture(paymentId), code(PaymentGivenUp));
      assert.deepEqual(await pair.eventsOf(paymentId), ["declined"]);
      assert.deepEqual(await pair.providerSums(paymentId), {});
    });
  }

  test("because the provider does not know the token", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_unheard_of");
    assert.equal((await pair.authorise(paymentId)).status, "declined");
  });
});

describe("3-D Secure", () => {
  test("the buttons of the bank's page approve, and the webhook tells", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_3ds");
    const { status, redirectUrl = "" } = await pair.get(paymentId);
    assert.equal(status, "requires_action");
    const path = redirectUrl.replace("http://shop.test", "");
    const page = await pair.http("GET", path);
    assert.match(page.headers["content-type"] ?? "", /text\/html/);
    assert.match(page.body, /€10\.00/);
    const action = /action="([^"]+approve)"/.exec(page.body)?.[1] ?? "";
    const pressed = await pair.http("POST", action, { "content-type": "application/x-www-form-urlencoded" }, "");
    assert.match(pressed.body, /Payment approved/);
    const again = await pair.http("POST", action.replace("approve", "fail"));
    assert.match(again.body, /Payment approved/, "too late to refuse");
    await pair.deliver();
    assert.equal((await pair.get(paymentId)).status, "authorized");
    assert.deepEqual(await pair.eventsOf(paymentId), ["requiresAction", "authorized"]);
    await assertBooksAgree(pair, paymentId);
  });

  test("refused by the customer, it is declined", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_3ds");
    await pair.answerChallenge(paymentId, "fail");
    await pair.deliver();
    assert.equal((await pair.get(paymentId)).declineCode, "authentication_failed");
  });

  test("called off, it cannot be approved any more", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_3ds");
    const { redirectUrl } = await pair.get(paymentId);
    assert.deepEqual(await pair.cancel(paymentId), { paymentId, status: "canceled", settled: true });
    const intentId = redirectUrl?.split("/").at(-1) ?? "";
    const answer = { service: "sandboxpay", operation: "answerChallenge", input: { intentId, outcome: "approve" } };
    await assert.rejects(pair.host.invoke(answer));
    assert.equal(await pair.providerKeeps(paymentId), 0);
  });

  test("found approved by looking when the webhook never came", async () => {
    await using pair = await Pair.start();
    pair.holdsWebhooks = true;
    const paymentId = await pair.authorised("tok_3ds");
    await pair.answerChallenge(paymentId, "approve");
    await pair.reconcile();
    assert.equal((await pair.get(paymentId)).status, "requires_action", "it is not time to look yet");
    pair.move(31_000);
    await pair.reconcile();
    assert.equal((await pair.get(paymentId)).status, "authorized");
  });
});

describe("an outcome that is not known", () => {
  test("processing ends in success or refusal, by webhook", async () => {
    await using pair = await Pair.start();
    const good = await pair.authorised("tok_processing");
    const bad = await pair.authorised("tok_processing_decline");
    assert.deepEqual([(await pair.get(good)).status, (await pair.get(bad)).status], ["processing", "processing"]);
    pair.move(2_000);
    await pair.deliver();
    assert.deepEqual([(await pair.get(good)).status, (await pair.get(bad)).status], ["authorized", "declined"]);
  });

  test("a lost answer is found by asking at once", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_lost_answer");
    assert.equal((await pair.get(paymentId)).status, "authorized");
    assert.deepEqual(pair.asked, ["POST /payment_intents", "GET /payment_intents?"]);
  });

  for (const [token, status] of [
    ["tok_timeout", "authorized"],
    ["tok_timeout_decline", "declined"],
  ] as const) {
    test(`${token}: unknown until somebody tells or finds out, and never taken for failed`, async () => {
      await using pair = await Pair.start();
      pair.holdsWebhooks = true;
      const paymentId = await pair.authorised(token);
      assert.equal((await pair.get(paymentId)).status, "unknown");
      pair.move(1_500);
      await pair.reconcile();
      assert.equal((await pair.get(paymentId)).status, "unknown", "the provider is silent still");
      pair.move(10_000);
      await pair.reconcile();
      assert.equal((await pair.get(paymentId)).status, status);
      assert.deepEqual(await pair.eventsOf(paymentId), ["unknownResolved", status]);
      await assertBooksAgree(pair, paymentId);
    });
  }

  test("a request that never arrived is repeated, and counts once", async () => {
    await using pair = await Pair.start();
    pair.network = "lostRequest";
    const paymentId = await pair.authorised();
    assert.equal((await pair.get(paymentId)).status, "unknown");
    pair.network = "up";
    pair.move(1_500);
    await pair.reconcile();
    assert.equal((await pair.get(paymentId)).status, "authorized");
    assert.deepEqual(await pair.providerSums(paymentId), { authorize: 1_000 });
  });

  test("captures and refunds without an answer are carried out once", async () => {
    await using pair = await Pair.start();
    for (const network of ["lostRequest", "lostAnswer"] as const) {
      const paymentId = await pair.authorised();
      pair.holdsWebhooks = true;
      pair.network = network;
      assert.equal((await pair.capture(paymentId, 400)).pending, true);
      await assert.rejects(pair.capture(paymentId, 601), code(CaptureTooLarge), "what is under way counts");
      pair.network = "up";
      pair.move(2_500);
      await pair.reconcile();
      const taken = await pair.get(paymentId);
      assert.deepEqual([taken.captured.amount, taken.pending], [400, false]);
      pair.network = network;
      assert.equal((await pair.refund(paymentId, "r1", 150)).pending, true);
      pair.network = "up";
      pair.move(2_500);
      await pair.reconcile();
      assert.equal((await pair.get(paymentId)).refunded.amount, 150);
      await assertBooksAgree(pair, paymentId);
    }
  });

  test("nothing ever came of it: it is forgotten after a day, and reversed should it come after all", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    pair.move(25 * 3_600_000);
    await pair.reconcile();
    const view = await pair.get(paymentId);
    assert.deepEqual([view.status, view.givenUp], ["failed", true]);
    assert.deepEqual(await pair.eventsOf(paymentId), ["failed"]);
  });
});

describe("calling a payment off", () => {
  test("before it exists keeps it from coming into being", async () => {
    await using pair = await Pair.start();
    const paymentId = "p-early";
    assert.equal((await pair.cancel(paymentId)).settled, true);
    const input = { paymentId, orderId: "o", amount: { amount: 1, currency: "EUR" }, customer: "ada" };
    await assert.rejects(
      pair.call("checkout", payments.create({ ...input, method: { token: "tok_success" } })),
      code(PaymentGivenUp),
    );
    await assert.rejects(pair.get(paymentId));
  });

  test("before it is authorised keeps it from being authorised", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    assert.equal((await pair.cancel(paymentId)).settled, true);
    await assert.rejects(pair.authorise(paymentId), code(PaymentGivenUp));
    assert.deepEqual(pair.asked, []);
    // It is looked for a while, in case a request was on its way; then it counts as failed.
    for (let looks = 0; looks < 12; looks += 1) {
      pair.move(3_600_000);
      await pair.reconcile();
    }
    assert.equal((await pair.get(paymentId)).status, "failed");
    assert.ok(pair.asked.length <= 8, "and then no more");
  });

  test("lets go what is held, and gives back what was taken, once", async () => {
    await using pair = await Pair.start();
    const held = await pair.authorised();
    assert.deepEqual(await pair.cancel(held), { paymentId: held, status: "voided", settled: true });
    const taken = await pair.authorised();
    await pair.capture(taken);
    await pair.refund(taken, "r1", 100);
    assert.deepEqual(await pair.cancel(taken), { paymentId: taken, status: "refunded", settled: true });
    assert.deepEqual(await pair.cancel(taken), { paymentId: taken, status: "refunded", settled: true });
    const partly = await pair.authorised();
    await pair.capture(partly, 400);
    assert.equal((await pair.cancel(partly)).settled, true);
    await pair.deliver();
    for (const paymentId of [held, taken, partly]) {
      assert.equal(await pair.providerKeeps(paymentId), 0);
      await assertBooksAgree(pair, paymentId);
    }
    assert.deepEqual(await pair.eventsOf(held), ["authorized", "voided"]);
    assert.deepEqual(await pair.eventsOf(taken), ["authorized", "captured", "refunded", "refunded"]);
  });

  test("succeeds while the provider is down, and is carried out when it is back", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised();
    pair.network = "lostRequest";
    assert.deepEqual(await pair.cancel(paymentId), { paymentId, status: "authorized", settled: false });
    await pair.reconcile();
    assert.equal(await pair.providerKeeps(paymentId), 1_000);
    pair.network = "up";
    pair.move(5_000);
    await pair.reconcile();
    assert.equal((await pair.get(paymentId)).status, "voided");
    assert.equal(await pair.providerKeeps(paymentId), 0);
  });

  test("finds a capture that the shop never heard of, and gives it back", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised();
    pair.holdsWebhooks = true;
    pair.network = "lostAnswer";
    await pair.capture(paymentId);
    pair.network = "up";
    assert.equal((await pair.cancel(paymentId)).status, "refunded");
    assert.equal(await pair.providerKeeps(paymentId), 0);
    await assertBooksAgree(pair, paymentId);
  });
});

describe("a success that comes late", () => {
  for (const how of ["by webhook", "by looking"] as const) {
    test(`is found ${how} and reversed`, async () => {
      await using pair = await Pair.start();
      pair.holdsWebhooks = how === "by looking";
      const paymentId = await pair.authorised("tok_late_success");
      assert.deepEqual(await pair.cancel(paymentId), { paymentId, status: "processing", settled: true });
      pair.move(21_000);
      await pair.deliver();
      if (how === "by webhook") {
        assert.equal((await pair.get(paymentId)).status, "authorized");
        assert.equal(await pair.providerKeeps(paymentId), 1_000);
      }
      await pair.reconcile();
      assert.equal((await pair.get(paymentId)).status, "voided");
      assert.equal(await pair.providerKeeps(paymentId), 0);
      assert.deepEqual(await pair.eventsOf(paymentId), ["authorized", "voided", "reversed"]);
      await assertBooksAgree(pair, paymentId);
    });
  }

  test("of a request that was on its way while the payment was called off", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.create("tok_success");
    pair.beforeRequest = async () => {
      pair.beforeRequest = undefined;
      assert.equal((await pair.cancel(paymentId)).settled, true);
    };
    const view = await pair.authorise(paymentId);
    assert.deepEqual([view.status, view.givenUp], ["authorized", true]);
    await pair.reconcile();
    assert.equal(await pair.providerKeeps(paymentId), 0);
    assert.deepEqual(await pair.eventsOf(paymentId), ["authorized", "voided", "reversed"]);
  });
});

describe("refunds that fail later", () => {
  test("are told, and what they gave back counts as kept again", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_refund_fails");
    await pair.capture(paymentId);
    assert.equal((await pair.refund(paymentId, "r1", 250)).refunded.amount, 250);
    pair.move(2_000);
    await pair.deliver();
    const view = await pair.get(paymentId);
    assert.deepEqual([view.status, view.refunded.amount], ["captured", 0]);
    assert.deepEqual(await pair.eventsOf(paymentId), ["authorized", "captured", "refunded", "refundFailed"]);
    await assertBooksAgree(pair, paymentId);
  });

  for (const network of ["lostRequest", "lostAnswer"] as const) {
    test(`of unknown outcome (${network}) when the payment is called off are carried through, and the rest goes back`, async () => {
      await using pair = await Pair.start();
      const paymentId = await pair.authorised("tok_success");
      await pair.capture(paymentId);
      pair.network = network;
      await pair.refund(paymentId, "r1", 250);
      pair.network = "up";
      await pair.cancel(paymentId);
      await pair.reconcile();
      assert.equal((await pair.get(paymentId)).status, "refunded");
      assert.equal(await pair.providerKeeps(paymentId), 0);
      assert.equal((await pair.providerSums(paymentId))["refund"], 1_000);
      await assertBooksAgree(pair, paymentId);
    });
  }

  test("of a payment that was called off are tried again, ever later, and not for ever", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised("tok_refund_fails");
    await pair.capture(paymentId);
    assert.equal((await pair.cancel(paymentId)).status, "refunded");
    for (let hours = 0; hours < 20; hours += 1) {
      pair.move(3_600_000);
      await pair.deliver();
      await pair.reconcile();
    }
    const failed = (await pair.eventsOf(paymentId)).filter((type) => type === "refundFailed");
    assert.equal(failed.length, 5);
    assert.equal((await pair.providerSums(paymentId))["refund"], 5_000);
    assert.equal(await pair.providerKeeps(paymentId), 1_000);
    await assertBooksAgree(pair, paymentId);
  });
});

describe("webhooks", () => {
  /** A payment with a life, and the webhooks of it, none delivered. */
  async function lived(pair: Pair): Promise<{ paymentId: string; webhooks: Webhook[] }> {
    pair.holdsWebhooks = true;
    pair.held.length = 0;
    const paymentId = await pair.authorised("tok_3ds");
    await pair.answerChallenge(paymentId, "approve");
    const { output } = await pair.host.invoke({
      service: "sandboxpay",
      operation: "listIntents",
      input: { apiKey: "sk_test_123456789", paymentId },
    });
    const intentId = (output as { items: { id: string }[] }).items[0]?.id ?? "";
    const apiKey = "sk_test_123456789";
    await pair.host.invoke({
      service: "sandboxpay",
      operation: "captureIntent",
      input: { apiKey, intentId, amount: 600 },
    });
    await pair.host.invoke({ service: "sandboxpay", operation: "refund", input: { apiKey, intentId, amount: 100 } });
    await pair.deliver();
    // Each was sent twice, by the settings.
    const webhooks = new Map(pair.held.map((webhook) => [webhook.body, webhook]));
    const ofPayment = [...webhooks.values()].filter((webhook) => intentIn(webhook).metadata.paymentId === paymentId);
    return { paymentId, webhooks: ofPayment };
  }

  test("every permutation, some sent again, ends in the same state and books", async () => {
    await using pair = await Pair.start();
    const orders = [...permutations([0, 1, 2, 3])];
    assert.equal(orders.length, 24);
    const ends: string[] = [];
    for (const [turn, order] of orders.entries()) {
      const { paymentId, webhooks } = await lived(pair);
      assert.equal(webhooks.length, 4);
      for (const index of [...order, order[turn % 4] ?? 0, order[0] ?? 0]) {
        const webhook = webhooks[index];
        assert.ok(webhook !== undefined);
        assert.equal((await pair.post(webhook)).status, 200);
      }
      await assertBooksAgree(pair, paymentId);
      const { status, captured, refunded } = await pair.get(paymentId);
      const inbox = await pair.rows(
        "SELECT * FROM webhook_inbox WHERE payment_id = ? AND processed_at IS NOT NULL",
        paymentId,
      );
      ends.push(JSON.stringify([status, captured, refunded, inbox.length, await pair.facts(paymentId)]));
    }
    assert.equal(new Set(ends).size, 1, [...new Set(ends)].join("\n"));
    assert.match(ends[0] ?? "", /refunded_partial/);
  });

  test("are refused when they are not signed, signed by another, changed, or old", async () => {
    await using pair = await Pair.start();
    const { webhooks } = await lived(pair);
    const [{ body, signature } = { body: "", signature: "" }] = webhooks;
    assert.equal((await pair.post({ body: body.replace("EUR", "USD"), signature })).status, 403);
    assert.equal((await pair.post({ body, signature: "t=1,v1=00" })).status, 403);
    const missing = await pair.http("POST", "/v1/webhooks/payments", { "content-type": "application/json" }, body);
    assert.ok(missing.status >= 400 && missing.status < 500);
    assert.equal((await pair.post(sign(body, "whsec_other_secret"))).status, 403);
    assert.equal((await pair.post(sign(body, SECRET, -301))).status, 403);
    assert.equal((await pair.rows("SELECT * FROM webhook_inbox")).length, 0, "nothing was stored");
    assert.equal((await pair.post(sign(body, "whsec_old_secret"))).status, 200, "a secret that is being replaced");
  });

  test("of hostile or foreign form do no harm", async () => {
    await using pair = await Pair.start();
    for (const body of ["", "{}", "[]", "null", "{", '{"id":1,"type":"x"}', '{"id":"","type":"x"}']) {
      const { status } = await pair.post(sign(body, SECRET));
      assert.ok(status >= 400 && status < 500, `${body} gives ${status}`);
    }
    assert.equal((await pair.post(sign('{"id":"evt_1","type":"account.updated"}', SECRET))).status, 200);
    assert.equal((await pair.rows("SELECT * FROM webhook_inbox")).length, 1);
  });

  test("of a payment that is not there yet wait for it, and not for ever", async () => {
    await using pair = await Pair.start();
    const { webhooks } = await lived(pair);
    const body = (webhooks.at(-1)?.body ?? "")
      .replace(/"paymentId":"[^"]+"/, '"paymentId":"p-later"')
      .replace("evt_", "evt_x");
    assert.equal((await pair.post(sign(body, SECRET))).status, 200);
    await pair.reconcile();
    const input = { paymentId: "p-later", orderId: "o", amount: { amount: 1_000, currency: "EUR" }, customer: "ada" };
    await pair.call("checkout", payments.create({ ...input, method: { token: "tok_success" } }));
    pair.move(10_000);
    await pair.reconcile();
    assert.equal((await pair.get("p-later")).status, "refunded_partial");

    const lost = body.replace("p-later", "p-never").replace("evt_x", "evt_y");
    await pair.post(sign(lost, SECRET));
    for (let tries = 0; tries < 10; tries += 1) {
      pair.move(600_000);
      await pair.reconcile();
    }
    const rows = await pair.rows<{ result: string; next_at: number | null }>(
      "SELECT result, next_at FROM webhook_inbox WHERE payment_id = ?",
      "p-never",
    );
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ result: "no such payment", next_at: null }],
    );
  });

  test("are sent again until they are acknowledged", async () => {
    await using pair = await Pair.start();
    pair.holdsWebhooks = true;
    const paymentId = await pair.authorised("tok_3ds");
    await pair.answerChallenge(paymentId, "approve");
    await pair.deliver();
    pair.held.length = 0;
    pair.move(60_000);
    await pair.deliver();
    assert.deepEqual(pair.held, [], "acknowledged ones are not");
  });
});

describe("who may", () => {
  test("the edge cannot create or cancel; owners see their payment, others do not", async () => {
    await using pair = await Pair.start();
    const paymentId = await pair.authorised();
    const invoke = (operation: string, input: object, subject?: string, roles: string[] = []) =>
      pair.host.invoke({
        service: "payments",
        operation,
        input,
        ...(subject === undefined ? {} : { identity: { subject, roles, guest: false } }),
      });
    const status = async (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => "ok",
        (error: unknown) => (isFault(error) ? error.kind : "error"),
      );
    assert.equal(await status(invoke("cancel", { paymentId, reason: "x" }, "ada", ["admin"])), "denied");
    assert.equal(await status(invoke("get", { paymentId }, "ada")), "ok");
    assert.equal(await status(invoke("get", { paymentId }, "eve")), "missing");
    assert.equal(await status(invoke("get", { paymentId }, "boss", ["admin"])), "ok");
    assert.equal(await status(invoke("list", {}, "ada")), "denied");
    assert.equal(await status(invoke("list", { limit: 1 }, "boss", ["admin"])), "ok");
    const amount = { amount: 1, currency: "EUR" };
    assert.equal(await status(invoke("refund", { paymentId, amount, reason: "x" }, "eve")), "denied");
  });
});

function* permutations(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

function sign(body: string, secret: string, ageSeconds = 0): Webhook {
  const nowSeconds = Math.floor(Date.now() / 1_000) + ageSeconds;
  return { body, signature: signWebhook({ secret, rawBody: body, nowSeconds, crypto: nodeCrypto() }) };
}
