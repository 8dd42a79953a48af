/** Texts that break what trusts them, in every place where a text may stand: taken as they are, or refused; never run. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Schema, validator } from "@isomer/kernel/schema";
import type { CheckedClient } from "../checked-client.ts";
import { ADDRESS } from "../flow.ts";
import { beginCheckout, mailTo, readyCart, skusInStock } from "../journeys/steps.ts";
import { inputFor, requestFor } from "../matrix/requests.ts";
import { type HttpOperation, httpOperations } from "../operations.ts";
import { type OpenShop, openShop } from "../open-shop.ts";
import { letIn } from "./attacker.ts";
import { eachOf } from "./raw.ts";
import { INJECTIONS } from "./values.ts";

let shop: OpenShop;
let admin: CheckedClient;
let things: Readonly<Record<string, unknown>>;
/** Something that no attack is about. */
let other: string;

before(async () => {
  shop = await openShop();
  ({ client: admin, things } = await letIn(shop));
  other = (await skusInStock(shop, 2)).find((one) => one !== things["sku"]) ?? "";
});
after(() => shop[Symbol.asyncDispose]());

/** Legal texts: a lone surrogate is half a character, and no text. */
const LEGAL = INJECTIONS.filter((text) => text.isWellFormed());
/** What is kept in another form than it was typed in. */
const NORMALISED = new Set(["email", "code", "recipient"]);
/** Where the first text stays, and later ones change nothing. */
const FIRST_STAYS = new Set(["orders.cancel"]);

/** Texts that a field takes: some of them, others for each field, so that all are tried on a few hundred fields. */
function textsFor(schema: Schema, turn: number): string[] {
  const { check } = validator(schema, "a field");
  const fitting = LEGAL.filter((text) => check(text));
  return [0, 1, 2, 3].flatMap((step) => fitting[(turn * 4 + step) % Math.max(1, fitting.length)] ?? []);
}

describe("hostile texts", () => {
  test("in every field of every route: taken as they are, or refused; nothing breaks", async (t) => {
    let count = 0;
    let taken = 0;
    const wrong: string[] = [];
    const attacks = httpOperations.flatMap((operation, index) =>
      [...operation.pathFields, ...operation.otherFields].flatMap((field, at) =>
        textsFor(operation.definition.input.properties[field] as Schema, index + at).map((text) => ({
          operation,
          field,
          text,
        })),
      ),
    );
    await eachOf(attacks, async ({ operation, field, text }) => {
      count += 1;
      const { method, path, ask } = requestFor(operation, { ...inputOn(operation), [field]: text });
      try {
        const { status, body } = await admin.ask(method, path, ask);
        if (status < 300) taken += 1;
        const echo = status < 300 && typeof body === "object" ? (body as Record<string, unknown>)[field] : undefined;
        const isKept = !NORMALISED.has(field) && !FIRST_STAYS.has(operation.name);
        if (typeof echo === "string" && isKept) assert.equal(echo, text);
      } catch (error) {
        wrong.push(
          `${operation.name} ${field} = ${JSON.stringify(text)}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    });
    t.diagnostic(`${count} texts, ${taken} of them taken`);
    assert.deepEqual(wrong, []);
  });

  test("come back as they were sent", async () => {
    const order = `/v1/orders/${String(things["orderId"])}`;
    for (const text of LEGAL) {
      const { headers } = await admin.get("/v1/me");
      await admin.expect(200, "PATCH", "/v1/me", {
        body: { name: text },
        headers: { "if-match": String(headers["etag"]) },
      });
      assert.equal((await admin.expect(200, "GET", "/v1/me")).name, text);
      await admin.expect(201, "POST", `${order}/notes`, { body: { text } });
      assert.equal((await admin.expect(200, "GET", order)).notes.at(-1).text, text);
      const product = await admin.expect(200, "GET", `/v1/products/${String(things["id"])}`);
      const changed = { title: text, description: text, brand: text, attributes: {} };
      await admin.expect(200, "PATCH", `/v1/products/${product.id}`, {
        body: changed,
        headers: { "if-match": `"${product.version}"` },
      });
      const { title, description, brand } = await admin.expect(200, "GET", `/v1/products/${product.id}`);
      assert.deepEqual([title, description, brand], [text, text, text]);
      const kept = await admin.expect(201, "POST", "/v1/me/addresses", {
        body: { address: { ...ADDRESS, line2: text } },
      });
      const { items } = await admin.expect(200, "GET", "/v1/me/addresses");
      assert.equal(items.find((one: { addressId: string }) => one.addressId === kept.addressId).address.line2, text);
      await admin.expect(204, "DELETE", `/v1/me/addresses/${kept.addressId}`);
    }
  });

  test("half a character is refused, and named", async () => {
    for (const text of INJECTIONS.filter((one) => !one.isWellFormed())) {
      const body = { address: { ...ADDRESS, line2: text } };
      const problem = await admin.refused(400, "kernel/invalid", "POST", "/v1/me/addresses", { body });
      assert.equal(problem.errors[0].path, "/address/line2");
      const named = await admin.refused(400, "kernel/invalid", "POST", "/v1/me/addresses", { body: { [text]: 1 } });
      assert.equal(named.errors.length, 1);
    }
  });

  test("are text in mails and on pages", async () => {
    const script = '<script>alert("x")</script><img src=x onerror=alert(1)>';
    const buyer = await shop.guest();
    const cartId = await readyCart(buyer, [{ sku: other, quantity: 1 }], { email: "victim@example.com" });
    const shippingAddress = { ...ADDRESS, name: script, city: "x\r\nBcc: everybody@example.com", phone: "1" };
    await buyer.expect(200, "PATCH", `/v1/carts/${cartId}`, { body: { shippingAddress } });
    const checkoutId = await beginCheckout(buyer, cartId);
    const body = { paymentToken: "tok_3ds" };
    const { redirectUrl } = await buyer.expect(200, "POST", `/v1/checkouts/${checkoutId}/complete`, {
      body,
      key: "pages",
    });
    const page = new URL(String(redirectUrl)).pathname;
    const shown = await buyer.post(`${page}/approve`);
    assert.match(String(shown.headers["content-security-policy"]), /default-src 'none'/);
    const mail = (await mailTo(shop, "victim@example.com", "order-placed")) as { html?: string; subject: string };
    assert.ok(mail.html?.includes("&lt;script&gt;"));
    assert.doesNotMatch(mail.html ?? "", /<script|<img/);
    assert.doesNotMatch(mail.subject, /[\r\n]/);
    const mailbox = await shop.client.get("/mailbox");
    assert.doesNotMatch(String(mailbox.body), /<script>alert|<img src=x/);
    assert.match(String(mailbox.headers["content-security-policy"]), /default-src 'none'/);
    // A telephone number that is none must not close the list to everybody.
    await admin.expect(200, "GET", "/v1/messages?limit=100");
  });

  test("nothing broke inside", () => {
    assert.deepEqual(shop.complaints, []);
  });
});

/** An input that reaches as far as it can: it names things that there are, and that are the attacker's. */
function inputOn(operation: HttpOperation): Record<string, unknown> {
  return inputFor(operation, things);
}
