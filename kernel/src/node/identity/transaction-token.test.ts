import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type TransactionIssuerOptions,
  TransactionIssuer,
  TransactionVerifier,
  type WorkloadSigner,
  toBase64Url,
} from "../../security/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { LocalAuthority, LocalIdentity, certificateOpener, workloadSigner } from "./mod.ts";
import { folderFor } from "./testing/folder.ts";

const trustDomain = "shop.test";
const anna = { subject: "anna", roles: ["customer"], guest: false, session: "s1" };

interface Setup {
  readonly clock: ManualClock;
  readonly identity: LocalIdentity;
  readonly verifier: TransactionVerifier;
  readonly signer: () => WorkloadSigner;
  issuer(more?: Partial<TransactionIssuerOptions>): TransactionIssuer;
  opened(): number;
}

function setup(t: TestContext): Setup {
  const clock = new ManualClock();
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain, clock });
  const paths = ["gateway", "service/orders", "service/cart"];
  const identity = new LocalIdentity({ authority, clock, paths });
  const signer = workloadSigner(identity, "gateway");
  let made = 0;
  const ids = { next: () => `txn-${(made += 1)}` };
  let opened = 0;
  const opener = certificateOpener(identity, "service/orders", clock);
  const open: typeof opener = (x5c) => {
    opened += 1;
    return opener(x5c);
  };
  return {
    ...{ clock, identity, signer },
    verifier: new TransactionVerifier({ trustDomain, clock, open }),
    issuer: (more) => new TransactionIssuer({ trustDomain, clock, ids, signer, ...more }),
    opened: () => opened,
  };
}

void test("a gateway's token tells every service who the user is", (t) => {
  const { issuer, verifier } = setup(t);
  const token = issuer().issue(anna);
  const transaction = verifier.verify(token);
  assert.ok(typeof transaction === "object");
  assert.deepEqual(transaction.identity, anna);
  assert.equal(transaction.txn, "txn-1");
  const guest = { subject: "g1", roles: [], guest: true };
  assert.deepEqual((verifier.verify(issuer().issue(guest)) as typeof transaction).identity, guest);
  assert.throws(() => ((transaction.identity.roles as string[])[0] = "admin"), TypeError);
});

void test("a token is good for a minute, whoever remembers it", async (t) => {
  const { issuer, verifier, clock } = setup(t);
  const token = issuer().issue(anna);
  const unseen = issuer().issue({ ...anna, subject: "unseen" });
  assert.equal(typeof verifier.verify(token), "object");
  await clock.advance(59_000);
  assert.equal(typeof verifier.verify(token), "object");
  await clock.advance(12_000);
  assert.equal(verifier.verify(token), "expired");
  assert.equal(verifier.verify(unseen), "expired");
});

void test("signing and checking are done once per user and half minute", async (t) => {
  const { issuer, verifier, clock, opened } = setup(t);
  const one = issuer();
  const token = one.issue(anna);
  assert.equal(one.issue({ ...anna }), token);
  const first = verifier.verify(token);
  assert.equal(verifier.verify(token), first);
  assert.equal(opened(), 1);
  await clock.advance(30_000);
  assert.notEqual(one.issue(anna), token);
  for (const other of [
    { ...anna, roles: ["admin"] },
    { ...anna, session: "s2" },
    { ...anna, guest: true },
  ]) {
    assert.notEqual(one.issue(other), one.issue(anna));
  }
});

void test("tokens go on being good while the gateway's certificate is renewed", (t) => {
  const { issuer, verifier, identity } = setup(t);
  const one = issuer();
  const before = one.issue(anna);
  identity.renew();
  assert.equal(typeof verifier.verify(before), "object");
  assert.equal(typeof verifier.verify(one.issue({ ...anna, subject: "bert" })), "object");
});

void test("no token of a certificate that was renewed is handed out any more", (t) => {
  const { issuer, identity, clock } = setup(t);
  const next = new LocalAuthority({ folder: folderFor(t), trustDomain, clock });
  const renewed = new LocalIdentity({ authority: next, clock, paths: ["gateway", "service/orders"] });
  const open = certificateOpener(renewed, "service/orders", clock);
  const verifier = new TransactionVerifier({ trustDomain, clock, open });
  let from = identity;
  const one = issuer({ signer: () => workloadSigner(from, "gateway")() });
  assert.equal(verifier.verify(one.issue(anna)), "certificates");
  // From now on an authority signs that all trust; what the old one signed is good for nothing where it is not trusted.
  from = renewed;
  assert.equal(typeof verifier.verify(one.issue(anna)), "object");
});

void test("a service cannot make a token, whatever it calls itself", (t) => {
  const { issuer, verifier, identity, signer } = setup(t);
  const cart = workloadSigner(identity, "service/cart");
  assert.equal(verifier.verify(issuer({ signer: cart }).issue(anna)), "not-a-gateway");
  const posing = (): WorkloadSigner => ({ ...cart(), id: signer().id });
  assert.equal(verifier.verify(issuer({ signer: posing }).issue(anna)), "not-a-gateway");
  const borrowed = (): WorkloadSigner => ({ ...cart(), id: signer().id, x5c: signer().x5c });
  assert.equal(verifier.verify(issuer({ signer: borrowed }).issue(anna)), "signature");
  const stranger = setup(t);
  assert.equal(verifier.verify(stranger.issuer().issue(anna)), "certificates");
});

void test("a token of another kind, place, time or form is refused", (t) => {
  const { issuer, verifier, signer, clock } = setup(t);
  const good = issuer().issue(anna);
  const [header = "", payload = "", signature = ""] = good.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
  const head = JSON.parse(Buffer.from(header, "base64url").toString()) as Record<string, unknown>;
  const text = new TextEncoder();
  const encode = (value: object): string => toBase64Url(text.encode(JSON.stringify(value)));
  const made = (changed: object, top: object = {}): string => {
    const signed = `${encode({ ...head, ...top })}.${encode({ ...claims, ...changed })}`;
    return `${signed}.${toBase64Url(signer().sign(text.encode(signed)))}`;
  };
  const seconds = Math.floor(clock.now() / 1_000);
  const cases: readonly (readonly [string, string])[] = [
    ["object", made({})],
    ["issuer", made({ iss: "spiffe://shop.test/service/cart" })],
    ["audience", made({ aud: "bank.test" })],
    ["audience", made({ aud: ["shop.test", "bank.test"] })],
    ["claims", made({ exp: seconds + 61 })],
    ["claims", made({ exp: String(seconds + 60) })],
    ["claims", made({ exp: seconds })],
    ["claims", made({ sub: "" })],
    ["claims", made({ sub: "s".repeat(257) })],
    ["claims", made({ txn: undefined })],
    ["claims", made({ tctx: undefined })],
    ["claims", made({ tctx: { roles: "admin", guest: false } })],
    ["claims", made({ tctx: { roles: [], guest: "no" } })],
    ["claims", made({ tctx: { roles: Array.from({ length: 65 }, () => "r"), guest: false } })],
    ["not-yet-valid", made({ iat: seconds + 20, exp: seconds + 60 })],
    ["expired", made({ iat: seconds - 100, exp: seconds - 50 })],
    ["header", made({}, { typ: "at+jwt" })],
    ["header", made({}, { alg: "none" })],
    ["header", made({}, { alg: "HS256" })],
    ["header", made({}, { kid: "1" })],
    ["header", made({}, { x5c: [] })],
    ["header", made({}, { x5c: signer().x5c[0] })],
    ["header", made({}, { jwk: {} })],
    ["certificates", made({}, { x5c: ["AAAA"] })],
    ["certificates", made({}, { x5c: [...signer().x5c].map((one) => `A${one.slice(1)}`) })],
    ["signature", `${header}.${payload}.${signature.slice(0, -6)}`],
    ["signature", `${header}.${encode({ ...claims, sub: "bert" })}.${signature}`],
    ["malformed", `${good}=`],
    ["malformed", `${good}.`],
    ["malformed", good.slice(0, good.lastIndexOf("."))],
    ["malformed", ""],
    ["too-long", "x".repeat(20_000)],
  ];
  for (const [expected, token] of cases) {
    const verdict = verifier.verify(token);
    assert.equal(typeof verdict === "string" ? verdict : "object", expected, token.slice(0, 60));
  }
});
