import assert from "node:assert/strict";
import { test } from "node:test";
import { BadCertificate, type SvidRule } from "../../security/mod.ts";
import { systemClock } from "../clock.ts";
import { certificatePem } from "./pem.ts";
import { type Made, TRUST_DOMAIN, TestAuthority, badLeaves } from "./testing/bad-certificates.ts";
import { type Peer, type PeerExpectation, verifyPeer } from "./verify-peer.ts";

const now = systemClock().now();
const authority = new TestAuthority(now);
const intermediate = { uris: [], authority: { intermediatesMax: 0 }, subject: "between" };

function verify(chain: readonly Made[], more: Partial<PeerExpectation> = {}): Peer {
  const trustBundle = certificatePem(authority.root.der);
  const shown = chain.map(({ der }) => der);
  return verifyPeer(shown, { trustDomain: TRUST_DOMAIN, now, trustBundle, ...more });
}

function ruleOf(chain: readonly Made[], more: Partial<PeerExpectation> = {}): SvidRule {
  try {
    verify(chain, more);
  } catch (error) {
    assert.ok(BadCertificate.is(error), String(error));
    return error.data.rule as SvidRule;
  }
  return assert.fail("It was let in.");
}

void test("a good certificate tells who its holder is, and until when", () => {
  const leaf = authority.make({ notAfter: now + 60_000 });
  const peer = verify([leaf], { path: "service/orders" });
  assert.equal(peer.id, "spiffe://shop.test/service/orders");
  assert.deepEqual(peer.workload, { kind: "service", name: "orders" });
  assert.equal(peer.expiresAt, Math.floor((now + 60_000) / 1_000) * 1_000);
  assert.equal(verify([authority.make({ purposes: [] })]).path, "service/orders");
  assert.equal(verify([authority.make({ uris: ["spiffe://shop.test/job/nightly"] })]).workload, undefined);
});

for (const [what, [rule, change]] of Object.entries(badLeaves(now))) {
  void test(`a certificate with ${what} is refused (${rule})`, () => {
    assert.equal(ruleOf([authority.make(change)]), rule);
  });
}

void test("an id is as long as 2048 bytes, and no longer", () => {
  const longest = "spiffe://shop.test/service/".padEnd(2_048, "s");
  assert.equal(verify([authority.make({ uris: [longest] })]).id, longest);
});

void test("who was called must answer", () => {
  assert.equal(ruleOf([authority.make()], { path: "service/cart" }), "not-expected");
});

void test("nothing but a certificate is one", () => {
  assert.equal(ruleOf([]), "no-certificate");
  const { der, ...rest } = authority.make();
  assert.equal(ruleOf([{ ...rest, der: new Uint8Array(100) }]), "unreadable");
  assert.equal(ruleOf([{ ...rest, der: new Uint8Array([...der, 0]) }]), "unreadable");
  assert.equal(ruleOf([{ ...rest, der: new Uint8Array(100_000) }]), "unreadable");
});

void test("a certificate is somebody's only when an authority that is trusted has signed it", () => {
  const stranger = new TestAuthority(now);
  assert.equal(ruleOf([stranger.make()]), "chain");
  assert.equal(ruleOf([stranger.make(), stranger.root]), "chain");
  const good = authority.make();
  assert.equal(ruleOf([{ ...good, der: tampered(good.der) }]), "chain");
  // A name like the authority's does not make one.
  const alike = new TestAuthority(now, { subject: "test spiffe://shop.test" });
  assert.equal(ruleOf([alike.make()]), "chain");
});

/** Another last byte: the signature is another. */
function tampered(der: Uint8Array): Uint8Array {
  return der.map((byte, at) => (at === der.length - 1 ? byte ^ 1 : byte));
}

void test("intermediates lead to an authority, each within its rights", () => {
  const between = authority.make(intermediate);
  const leaf = authority.make({}, { ...between, subject: "between" });
  assert.equal(verify([leaf, between]).path, "service/orders");
  assert.equal(ruleOf([leaf]), "chain", "without the intermediate");
  const second = authority.make({ ...intermediate, subject: "below" }, { ...between, subject: "between" });
  const lower = authority.make({}, { ...second, subject: "below" });
  assert.equal(ruleOf([lower, second, between]), "chain", "the intermediate may have nobody below");
  const over = authority.make({ ...intermediate, notAfter: now - 1_000 });
  assert.equal(ruleOf([authority.make({}, { ...over, subject: "between" }), over]), "expired");
  const foreign = authority.make({ ...intermediate, uris: ["spiffe://bank.test"] });
  assert.equal(ruleOf([authority.make({}, { ...foreign, subject: "between" }), foreign]), "foreign-trust-domain");
});

void test("a leaf signs nobody", () => {
  const leaf = { ...authority.make({ subject: "a leaf" }), subject: "a leaf" };
  assert.equal(ruleOf([authority.make({}, leaf), leaf]), "chain");
});

void test("an authority whose time is over vouches for nobody", () => {
  const old = new TestAuthority(now, { notAfter: now - 1_000 });
  assert.equal(ruleOf([old.make()], { trustBundle: certificatePem(old.root.der) }), "expired");
});

void test("a bundle with two authorities trusts both, and one without trusts nobody", () => {
  const other = new TestAuthority(now);
  const both = certificatePem(authority.root.der) + certificatePem(other.root.der);
  assert.equal(verify([other.make()], { trustBundle: both }).path, "service/orders");
  assert.equal(verify([authority.make()], { trustBundle: both }).path, "service/orders");
  assert.equal(ruleOf([authority.make()], { trustBundle: "" }), "chain");
});
