import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type JWTPayload, SignJWT, importJWK, jwtVerify } from "jose";
import { nodeCrypto } from "../node/crypto.ts";
import { toBase64Url } from "./base64url.ts";
import type { TokenClaims, TokenProblem } from "./claims.ts";
import { type VerifierOptions, signToken, verifyToken } from "./jwt.ts";
import { makeKey } from "./keys.ts";

const crypto = nodeCrypto();
const NOW = 1_800_000_000_000;
const seconds = NOW / 1_000;
const { kid, privateKey } = makeKey(crypto, 0);
const publicKey = { kty: "OKP", crv: "Ed25519", x: privateKey.x } as const;
const claims: TokenClaims = {
  iss: "https://shop.test",
  aud: "shop",
  sub: "u1",
  jti: "t1",
  iat: seconds,
  exp: seconds + 900,
};
const options: VerifierOptions = {
  crypto,
  issuer: "https://shop.test",
  audience: "shop",
  typ: "at+jwt",
  keyOf: (id) => (id === kid ? publicKey : undefined),
};

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const signed = (header: string, payload: string): string =>
  `${header}.${payload}.${toBase64Url(crypto.ed25519.sign(privateKey, `${header}.${payload}`))}`;
const header = { alg: "EdDSA", typ: "at+jwt", kid };
/** A token with a good signature over whatever it says. */
const forge = (changes: object, headerChanges: object = {}): string =>
  signed(part({ ...header, ...headerChanges }), part({ ...claims, ...changes }));
const good = signToken({ crypto, key: { kid, privateKey }, typ: "at+jwt", claims });

function refused(token: string, reason?: TokenProblem, now = NOW): void {
  const verification = verifyToken(token, now, options);
  assert.equal(verification.ok, false);
  if (reason !== undefined && !verification.ok) assert.equal(verification.reason, reason);
}

void test("what is signed verifies, with all its claims", () => {
  const more = { ...claims, roles: ["admin"], name: "Zoë" };
  const token = signToken({ crypto, key: { kid, privateKey }, typ: "at+jwt", claims: more });
  assert.deepEqual(verifyToken(token, NOW, options), { ok: true, claims: more });
});

void test("jose accepts our tokens, and we accept jose's", async () => {
  const expected = { issuer: claims.iss, audience: "shop", typ: "at+jwt", currentDate: new Date(NOW) };
  const { payload } = await jwtVerify(good, await importJWK(publicKey, "EdDSA"), expected);
  assert.deepEqual(payload, claims);
  const theirs = await new SignJWT({ ...claims } as JWTPayload)
    .setProtectedHeader(header)
    .sign(await importJWK(privateKey, "EdDSA"));
  assert.deepEqual(verifyToken(theirs, NOW, options), { ok: true, claims });
});

const badClaims: readonly [string, object, TokenProblem][] = [
  ["another issuer", { iss: "https://shop.test/" }, "issuer"],
  ["no issuer", { iss: undefined }, "issuer"],
  ["another audience", { aud: "warehouse" }, "audience"],
  ["no audience", { aud: undefined }, "audience"],
  ["an empty list of audiences", { aud: [] }, "audience"],
  ["a list with something else in it", { aud: ["shop", 1] }, "audience"],
  ["an audience that only begins alike", { aud: "shop2" }, "audience"],
  ["no subject", { sub: undefined }, "claims"],
  ["an empty subject", { sub: "" }, "claims"],
  ["a subject that is a number", { sub: 1 }, "claims"],
  ["no id", { jti: undefined }, "claims"],
  ["no time of issue", { iat: undefined }, "claims"],
  ["a time of issue to come", { iat: seconds + 61 }, "not-yet-valid"],
  ["no end", { exp: undefined }, "claims"],
  ["an end that is a text", { exp: String(seconds + 900) }, "claims"],
  ["an end with a fraction", { exp: seconds + 0.5 }, "claims"],
  ["an end without bound", { exp: 1e300 }, "claims"],
  ["an end before the issue", { exp: seconds - 1 }, "claims"],
  ["a life that is too long", { exp: seconds + 86_401 }, "claims"],
  ["an end that is past", { iat: seconds - 900, exp: seconds - 60 }, "expired"],
  ["a start to come", { nbf: seconds + 61 }, "not-yet-valid"],
  ["a start that is a text", { nbf: "now" }, "claims"],
];
for (const [name, changes, reason] of badClaims) {
  void test(`${name}: refused (${reason})`, () => refused(forge(changes), reason));
}

void test("clocks may differ by a minute, either way", () => {
  for (const changes of [{ iat: seconds + 60 }, { nbf: seconds + 60 }, { iat: seconds - 900, exp: seconds - 59 }]) {
    assert.equal(verifyToken(forge(changes), NOW, options).ok, true);
  }
  assert.equal(verifyToken(forge({ aud: ["warehouse", "shop"] }), NOW, options).ok, true);
});

const badHeaders: readonly [string, object, TokenProblem][] = [
  ...["none", "None", "nOnE", "NONE", "", "HS256", "RS256", "ES256", "eddsa", "Ed25519", null, ["EdDSA"]].map(
    (alg): [string, object, TokenProblem] => [`alg ${JSON.stringify(alg)}`, { alg }, "header"],
  ),
  ...["JWT", "rt+jwt", "id+jwt", "AT+JWT", "application/at+jwt", undefined].map(
    (typ): [string, object, TokenProblem] => [`typ ${typ}`, { typ }, "header"],
  ),
  ...[undefined, "", 1, null, "x".repeat(129)].map((id): [string, object, TokenProblem] => [
    `kid ${String(id).slice(0, 9)}`,
    { kid: id },
    "header",
  ]),
  ...["../../dev/null", "' OR 1=1 --", "__proto__", `${kid} `, kid.toLowerCase()].map(
    (id): [string, object, TokenProblem] => [`kid ${id}`, { kid: id }, "unknown-key"],
  ),
  ["crit", { crit: ["b64"] }, "header"],
  ["crit of something unknown", { crit: ["x"], x: 1 }, "header"],
  ["b64", { b64: false, crit: ["b64"] }, "header"],
  ["an embedded key", { jwk: publicKey }, "header"],
  ["jku", { jku: "https://evil.test/keys" }, "header"],
  ["x5u", { x5u: "https://evil.test/cert" }, "header"],
  ["x5c", { x5c: ["AAAA"] }, "header"],
  ["cty", { cty: "JWT" }, "header"],
  ["zip", { zip: "DEF" }, "header"],
];
for (const [name, changes, reason] of badHeaders) {
  void test(`a header with ${name}: refused (${reason})`, () => refused(forge({}, changes), reason));
}

void test("no signature, or a hash keyed with the public key, is refused", () => {
  const [head, body] = good.split(".");
  refused(`${part({ alg: "none", typ: "at+jwt", kid })}.${body}.`);
  refused(`${head}.${body}.`, "signature");
  for (const key of [Buffer.from(publicKey.x, "base64url"), publicKey.x, JSON.stringify(publicKey)]) {
    for (const alg of ["HS256", "EdDSA"]) {
      const text = `${part({ ...header, alg })}.${body}`;
      refused(`${text}.${createHmac("sha256", key).update(text).digest("base64url")}`);
    }
  }
});

void test("another key's signature is refused, also under our key's id", () => {
  const other = makeKey(crypto, 0);
  refused(signToken({ crypto, key: other, typ: "at+jwt", claims }), "unknown-key");
  refused(signToken({ crypto, key: { kid, privateKey: other.privateKey }, typ: "at+jwt", claims }), "signature");
});

void test("a token has one encoding: padding, spaces, other alphabets and stray bits are refused", () => {
  const [head = "", body = "", mac = ""] = good.split(".");
  const last = mac.at(-1) ?? "";
  const stray = String.fromCharCode(last.charCodeAt(0) + 1);
  const variants = [`${head}=.${body}.${mac}`, `${head}.${body}=.${mac}`, `${good}=`, `${good}==`, ` ${good}`];
  variants.push(`${good} `, `${good}\n`, `${head}. ${body}.${mac}`, `${head}.${body}.${mac.slice(0, -1)}${stray}`);
  variants.push(`${head}.${body}.${mac}.`, `${good}.${mac}`, `${head}.${body}`, head, "", ".", "..", `.${body}.${mac}`);
  variants.push(`${head}..${mac}`, `Bearer ${good}`, JSON.stringify({ payload: body, signatures: [] }));
  for (const variant of variants) refused(variant);
  for (const token of variants.slice(0, 8)) refused(token, "malformed");
});

void test("signed JSON with a member twice, not UTF-8, or not an object is refused", () => {
  const raw = (text: string | Buffer): string => Buffer.from(text).toString("base64url");
  const body = part(claims);
  const twice = JSON.stringify(claims).replace("{", '{"sub":"u2",');
  const escaped = JSON.stringify(claims).replace("{", String.raw`{"\u0073ub":"u2",`);
  const nested = JSON.stringify({ ...claims, a: [{ b: 0 }] }).replace('"b":0', '"b":0, "b" :1');
  for (const text of [twice, escaped, nested]) refused(signed(part(header), raw(text)), "malformed");
  refused(signed(raw(JSON.stringify(header).replace("{", '{"alg":"none",')), body), "header");
  for (const text of ["[]", "null", '"x"', "{", `${JSON.stringify(claims)} x`, `\ufeff${JSON.stringify(claims)}`]) {
    refused(signed(part(header), raw(text)), "malformed");
  }
  refused(signed(part(header), raw(Buffer.from(JSON.stringify({ ...claims, x: "é" }), "latin1"))), "malformed");
  // A value that looks like a name is none.
  assert.equal(verifyToken(forge({ x: ["sub", "sub"], y: 'a":"b', z: "sub" }), NOW, options).ok, true);
});

void test("a token that is too long is not looked at, and not made", () => {
  refused("x".repeat(5_000_000), "too-long");
  refused(forge({ x: "y".repeat(4_000) }), "too-long");
  const long = { ...claims, x: "y".repeat(4_000) };
  assert.throws(() => signToken({ crypto, key: { kid, privateKey }, typ: "at+jwt", claims: long }), RangeError);
});

void test("flipping any bit of any byte is refused", () => {
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const flipped = String.fromCharCode(good.charCodeAt(at) ^ (1 << bit));
      refused(good.slice(0, at) + flipped + good.slice(at + 1));
    }),
    { numRuns: 2_000 },
  );
});

void test("required texts of the profile must be there", () => {
  const strict = { ...options, requiredTexts: ["client_id"] };
  assert.equal(verifyToken(good, NOW, strict).ok, false);
  assert.equal(verifyToken(forge({ client_id: "web" }), NOW, strict).ok, true);
});
