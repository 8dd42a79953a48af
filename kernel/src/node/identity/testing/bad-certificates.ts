/** An authority for tests that also signs what no authority should: one bad certificate for each rule of X.509-SVIDs. */
import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { KeyUsageFlags, id_kp_clientAuth, id_kp_serverAuth } from "@peculiar/asn1-x509";
import type { SvidRule, WorkloadCredentials, WorkloadIdentity } from "../../../security/mod.ts";
import { type CertificateSigner, type CertificateToMake, makeCertificate } from "../make-certificate.ts";
import { certificatePem } from "../pem.ts";

/** The trust domain of these tests. */
export const TRUST_DOMAIN = "shop.test";
const HOUR_MS = 3_600_000;

/** A key with its certificate. */
export interface Made extends CertificateSigner {
  readonly der: Uint8Array;
}

/** Makes certificates that are right but for what is said. */
export class TestAuthority {
  readonly #now: number;
  readonly root: Made;

  constructor(now: number, more: Partial<CertificateToMake> = {}) {
    this.#now = now;
    this.root = this.make({ uris: [`spiffe://${TRUST_DOMAIN}`], authority: { intermediatesMax: 1 }, ...more });
  }

  /** A certificate of a leaf unless said otherwise, signed by the root unless said; the root signs itself. */
  make(more: Partial<CertificateToMake> = {}, signer: Made | undefined = this.root): Made {
    const keys: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const subject = `test ${more.uris?.[0]?.slice(0, 40) ?? "leaf"}`;
    const what: CertificateToMake = {
      subject,
      publicKey: keys.publicKey,
      uris: [`spiffe://${TRUST_DOMAIN}/service/orders`],
      notBefore: this.#now - HOUR_MS,
      notAfter: this.#now + HOUR_MS,
      ...more,
    };
    return { subject, ...keys, der: makeCertificate(what, signer ?? { subject, ...keys }) };
  }

  /** An identity that shows these certificates, the leaf first, whoever is asked for. */
  identity(leaf: Made, ...above: readonly Made[]): WorkloadIdentity {
    const credentials: WorkloadCredentials = {
      id: `spiffe://${TRUST_DOMAIN}/service/orders`,
      certificateChain: [leaf, ...above].map(({ der }) => certificatePem(der)).join(""),
      privateKey: leaf.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      trustBundle: certificatePem(this.root.der),
      expiresAt: this.#now + HOUR_MS,
    };
    return { trustDomain: TRUST_DOMAIN, credentials: () => credentials, onRotate: () => () => {} };
  }
}

/** Certificates that break one rule each: what to change of a good one, and the rule. */
export function badLeaves(now: number): Readonly<Record<string, readonly [SvidRule, Partial<CertificateToMake>]>> {
  const uri = (text: string): Partial<CertificateToMake> => ({ uris: [text] });
  const usage = (flags: number, critical = true): Partial<CertificateToMake> => ({ keyUsage: { critical, flags } });
  const good = `spiffe://${TRUST_DOMAIN}/service/orders`;
  const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = KeyUsageFlags;
  return {
    "two URIs": ["one-uri", { uris: [good, `spiffe://${TRUST_DOMAIN}/gateway`] }],
    "the same URI twice": ["one-uri", { uris: [good, good] }],
    "a second URI of another scheme": ["one-uri", { uris: [good, "https://shop.test/"] }],
    "DNS names only": ["one-uri", { uris: [], dnsNames: ["orders.service.shop.test"] }],
    "a common name only": ["one-uri", { uris: [], subject: good }],
    "another scheme": ["id-scheme", uri(`https://${TRUST_DOMAIN}/service/orders`)],
    "a scheme in upper case": ["id-scheme", uri(`SPIFFE://${TRUST_DOMAIN}/service/orders`)],
    "a trust domain in upper case": ["id-trust-domain", uri("spiffe://SHOP.test/service/orders")],
    "no trust domain": ["id-trust-domain", uri("spiffe:///service/orders")],
    "a port": ["id-trust-domain", uri(`spiffe://${TRUST_DOMAIN}:443/service/orders`)],
    "a user": ["id-trust-domain", uri(`spiffe://root@${TRUST_DOMAIN}/service/orders`)],
    "a query": ["id-path", uri(`${good}?x=1`)],
    "a fragment": ["id-path", uri(`${good}#x`)],
    "an escape": ["id-path", uri(`spiffe://${TRUST_DOMAIN}/service%2Forders`)],
    "no path": ["id-path", uri(`spiffe://${TRUST_DOMAIN}`)],
    "the root as path": ["id-path", uri(`spiffe://${TRUST_DOMAIN}/`)],
    "an empty segment": ["id-path", uri(`spiffe://${TRUST_DOMAIN}/service//orders`)],
    "a dot": ["id-path", uri(`spiffe://${TRUST_DOMAIN}/service/./orders`)],
    "two dots": ["id-path", uri(`spiffe://${TRUST_DOMAIN}/cart/../service/orders`)],
    "a slash at the end": ["id-path", uri(`${good}/`)],
    "a NUL in the path": ["id-path", uri(`${good}\0.evil.test`)],
    "too long an id": ["id-length", uri(good.padEnd(2_049, "s"))],
    "another trust domain, signed by our authority": ["foreign-trust-domain", uri("spiffe://bank.test/service/orders")],
    "an authority as a leaf": ["authority", { authority: { intermediatesMax: 0 } }],
    "no key usage": ["key-usage", { keyUsage: "none" }],
    "a key usage that is not critical": ["key-usage", usage(digitalSignature, false)],
    "no digitalSignature": ["key-usage", usage(keyAgreement)],
    keyCertSign: ["key-usage", usage(digitalSignature | keyCertSign)],
    cRLSign: ["key-usage", usage(digitalSignature | cRLSign)],
    "serverAuth alone": ["extended-key-usage", { purposes: [id_kp_serverAuth] }],
    "clientAuth alone": ["extended-key-usage", { purposes: [id_kp_clientAuth] }],
    expired: ["expired", { notAfter: now - 60_000 }],
    "not valid yet": ["not-yet-valid", { notBefore: now + 60_000 }],
  };
}
