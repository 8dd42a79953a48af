/** What every implementation of cryptography must do: one suite, run against each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Crypto, fromHex, toHex } from "../mod.ts";

const bytes = (hex: string): Uint8Array => fromHex(hex) ?? assert.fail("not hexadecimal");
const base64url = (hex: string): string => Buffer.from(hex, "hex").toString("base64url");
const text = new TextEncoder();

/** RFC 8032 §7.1, test 2. */
const KEY = {
  kty: "OKP",
  crv: "Ed25519",
  d: base64url("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
  x: base64url("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
} as const;
const SIGNATURE =
  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
const COSTS = { memoryKib: 8, passes: 1, parallelism: 1, tagLength: 16 };

/** Declares the suite. `make` gives another one each time it is asked: of another host. */
export function cryptoConformance(name: string, make: () => Crypto): void {
  void describe(`crypto: ${name}`, () => {
    digests(make());
    signatures(make);
    passwords(make);
  });
}

function digests(crypto: Crypto): void {
  test("digests equal the published vectors (FIPS 180-2, RFC 4231 cases 2 and 6)", () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(toHex(crypto.sha256("abc")), abc);
    assert.equal(toHex(crypto.sha256(text.encode("abc"))), abc);
    assert.equal(toHex(crypto.sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.equal(
      toHex(crypto.hmacSha256("Jefe", "what do ya want for nothing?")),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    assert.equal(
      toHex(
        crypto.hmacSha256(new Uint8Array(131).fill(0xaa), "Test Using Larger Than Block-Size Key - Hash Key First"),
      ),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
  });

  test("texts stand for their UTF-8 bytes, and views for what they show", () => {
    const shown = text.encode("[Zürich \u{1f642}]").subarray(1, -1);
    assert.deepEqual(crypto.sha256("Zürich \u{1f642}"), crypto.sha256(shown));
    assert.deepEqual(crypto.hmacSha256(shown, "x"), crypto.hmacSha256("Zürich \u{1f642}", text.encode("x")));
  });

  test("results are plain byte arrays of the caller's own", () => {
    const [first, second] = [crypto.sha256("a"), crypto.sha256("a")];
    first.fill(0);
    assert.equal(Object.getPrototypeOf(second), Uint8Array.prototype);
    assert.notDeepEqual(first, second);
    assert.deepEqual(second, crypto.sha256("a"));
  });

  test("comparison holds for equal bytes only, whatever the lengths", () => {
    assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("0102")), true);
    assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("0103")), false);
    assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("01")), false);
    assert.equal(crypto.timingSafeEqual(bytes("01"), bytes("0102")), false);
    assert.equal(crypto.timingSafeEqual(new Uint8Array(), new Uint8Array()), true);
  });
}

function signatures(make: () => Crypto): void {
  test("Ed25519 signs as RFC 8032 says, and verifies nothing else", () => {
    const { ed25519 } = make();
    const signature = ed25519.sign(KEY, bytes("72"));
    assert.equal(toHex(signature), SIGNATURE);
    assert.equal(ed25519.verify(KEY, bytes("72"), signature), true);
    assert.equal(ed25519.verify(KEY, "r", signature), true);
    assert.equal(ed25519.verify(KEY, bytes("73"), signature), false);
    for (let at = 0; at < 64; at += 7) {
      const other = signature.map((byte, index) => (index === at ? byte ^ 1 : byte));
      assert.equal(ed25519.verify(KEY, bytes("72"), other), false);
    }
  });

  test("a malformed key or signature verifies nothing, and throws nothing", () => {
    const { ed25519 } = make();
    const signature = ed25519.sign(KEY, bytes("72"));
    for (const wrong of [signature.subarray(1), new Uint8Array(), new Uint8Array(64), new Uint8Array(65)]) {
      assert.equal(ed25519.verify(KEY, bytes("72"), wrong), false);
    }
    for (const x of ["AA", "", "no base64!", `${KEY.x}AAAA`, base64url("ff".repeat(32)), KEY.d]) {
      assert.equal(ed25519.verify({ ...KEY, x }, bytes("72"), signature), false, x);
    }
  });

  test("keys are made anew each time, and sign for those who have their public half", () => {
    const [one, other] = [make().ed25519, make().ed25519];
    const keys = [one.generateKeyPair(), one.generateKeyPair(), other.generateKeyPair(), KEY];
    assert.equal(new Set(keys.map(({ d }) => d)).size, 4);
    for (const key of keys) {
      assert.deepEqual(Object.keys(key).toSorted(), ["crv", "d", "kty", "x"]);
      assert.equal(Buffer.from(key.x, "base64url").length, 32);
      const signature = one.sign(key, "text");
      for (const { kty, crv, x } of keys) {
        assert.equal(other.verify({ kty, crv, x }, text.encode("text"), signature), x === key.x);
      }
    }
  });
}

function passwords(make: () => Crypto): void {
  test("a password's hash depends on the password, the salt and the costs, and on nothing else", async () => {
    const salt = new Uint8Array(16);
    const [one, other] = [make(), make()];
    const hashes = await Promise.all([
      one.argon2id("password", salt, COSTS),
      one.argon2id("passwore", salt, COSTS),
      one.argon2id("password", new Uint8Array(16).fill(1), COSTS),
      one.argon2id("password", salt, { ...COSTS, memoryKib: 16 }),
      one.argon2id("password", salt, { ...COSTS, passes: 2 }),
    ]);
    assert.equal(new Set(hashes.map(toHex)).size, hashes.length);
    assert.deepEqual(await other.argon2id("password", salt, COSTS), hashes[0]);
  });

  test("a password's hash is as long as asked for", async () => {
    for (const tagLength of [16, 32, 48]) {
      const hash = await make().argon2id("password", new Uint8Array(16), { ...COSTS, tagLength });
      assert.equal(hash.length, tagLength);
    }
  });

  test("a salt that is too short is refused (RFC 9106 §3.1)", async () => {
    await assert.rejects(make().argon2id("password", new Uint8Array(7), COSTS));
  });
}

/** Declares that two implementations mean the same: what one makes, the other takes. */
export function cryptoAgreement(name: string, one: Crypto, other: Crypto): void {
  void test(`crypto: ${name} agree`, () => {
    for (const data of ["", "abc", new Uint8Array(1_000).fill(7)]) {
      assert.deepEqual(one.sha256(data), other.sha256(data));
      assert.deepEqual(one.hmacSha256("key", data), other.hmacSha256("key", data));
      for (const [signer, verifier] of [
        [one, other],
        [other, one],
      ] as const) {
        const key = signer.ed25519.generateKeyPair();
        const signature = signer.ed25519.sign(key, data);
        assert.deepEqual(verifier.ed25519.sign(key, data), signature);
        assert.equal(verifier.ed25519.verify(key, data, signature), true);
        assert.equal(verifier.ed25519.verify(key, "other", signature), false);
      }
    }
  });
}
