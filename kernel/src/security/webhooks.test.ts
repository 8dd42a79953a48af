import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { nodeCrypto } from "../node/crypto.ts";
import { BadSignature, type SignatureProblem, signBody, signWebhook, verifyBody, verifyWebhook } from "./webhooks.ts";

const crypto = nodeCrypto();
const secret = "whsec_test";
const rawBody = '{ "id": "evt_1", "type": "payment.captured", "note": "Zoë" }\n';
const nowSeconds = 1_800_000_000;
const header = signWebhook({ secret, rawBody, nowSeconds, crypto });
const good = { secrets: [secret], rawBody, header, nowSeconds, crypto };

function refused(changes: Partial<Parameters<typeof verifyWebhook>[0]>, reason: SignatureProblem): void {
  assert.throws(
    () => verifyWebhook({ ...good, ...changes }),
    (error) => BadSignature.is(error) && error.data.reason === reason,
  );
}

void test("the scheme is Stripe's: HMAC-SHA256 of the time, a dot and the raw body", () => {
  const mac = createHmac("sha256", secret).update(`${nowSeconds}.${rawBody}`).digest("hex");
  assert.equal(header, `t=${nowSeconds},v1=${mac}`);
  verifyWebhook(good);
});

void test("a signature is good for five minutes either way", () => {
  for (const skew of [-300, -299, 0, 300]) verifyWebhook({ ...good, nowSeconds: nowSeconds + skew });
  refused({ nowSeconds: nowSeconds + 301 }, "too-old");
  refused({ nowSeconds: nowSeconds - 301 }, "too-new");
  verifyWebhook({ ...good, nowSeconds: nowSeconds + 900, toleranceSeconds: 900 });
});

void test("secrets rotate: one of several signatures by one of several secrets is enough", () => {
  const other = signWebhook({ secret: "new", rawBody, nowSeconds, crypto }).split(",")[1];
  verifyWebhook({ ...good, header: `${header},${other}`, secrets: ["new"] });
  verifyWebhook({ ...good, header: `t=${nowSeconds},${other},v0=ab`, secrets: [secret, "new"] });
  refused({ secrets: ["new"] }, "mismatch");
  refused({ secrets: [] }, "mismatch");
});

void test("another body, time or scheme is refused", () => {
  refused({ rawBody: JSON.stringify(JSON.parse(rawBody)) }, "mismatch");
  refused({ header: header.replace(/t=\d+/, `t=${nowSeconds + 1}`) }, "mismatch");
  refused({ header: header.replace("v1=", "v0=") }, "malformed");
});

const malformed = [undefined, "", "t=,v1=", `t=${nowSeconds}`, "v1=ab", `t=1e9,v1=${"a".repeat(64)}`];
malformed.push(`t=1,t=2,v1=${"a".repeat(64)}`, `t=-1,v1=${"a".repeat(64)}`, `t=1,v1=${"A".repeat(64)}`);
malformed.push(`t=1,v1=${"a".repeat(63)}`, "x".repeat(100_000), `${header}${",v1=00".repeat(1_000)}`);
for (const value of malformed) {
  void test(`the header ${String(value).slice(0, 30)} is malformed`, () => refused({ header: value }, "malformed"));
}

void test("changing any byte of the body is noticed", () => {
  fc.assert(
    fc.property(fc.nat(rawBody.length - 1), fc.integer({ min: 1, max: 0xff }), (at, flip) => {
      const changed = String.fromCharCode(rawBody.charCodeAt(at) ^ flip);
      refused({ rawBody: rawBody.slice(0, at) + changed + rawBody.slice(at + 1) }, "mismatch");
    }),
  );
});

void test("the plain scheme hashes the body with the secret's compatibility form", () => {
  const composed = "cl\u00e9";
  const mac = createHmac("sha256", "cle\u0301").update(rawBody).digest("hex");
  const signature = signBody({ secret: composed, rawBody, crypto });
  assert.equal(signature, `hmac-sha256-hex=${mac}`);
  verifyBody({ secrets: ["old", composed], rawBody, header: signature, crypto });
  const wrong = [
    undefined,
    mac,
    `${signature}00`,
    signature.replace("sha256", "sha1"),
    `hmac-sha256-hex=${"0".repeat(64)}`,
  ];
  for (const value of wrong) {
    assert.throws(() => verifyBody({ secrets: [composed], rawBody, header: value, crypto }), BadSignature.is);
  }
});
