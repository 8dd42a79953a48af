/** Makes X.509 certificates: ECDSA on P-256 with SHA-256. */
import { type KeyObject, createHash, randomBytes, sign } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
} from "@peculiar/asn1-x509";

const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";
const SERIAL_BYTES = 16;

/** What a certificate says. */
export interface CertificateToMake {
  /** The common name: for people, never looked at by us. */
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Milliseconds since 1970; certificates know whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Whether it is an authority's: then it signs certificates, with `intermediatesMax` others below it. */
  readonly authority?: { readonly intermediatesMax: number };
  /** What the key is for; as SVIDs have it unless said. */
  readonly keyUsage?: { readonly critical: boolean; readonly flags: number } | "none";
  /** `serverAuth` and `clientAuth` unless said; authorities have none. */
  readonly purposes?: readonly string[];
}

/** Who signs a certificate. */
export interface CertificateSigner {
  /** The common name of the signer. */
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes a certificate, in DER. */
export function makeCertificate(what: CertificateToMake, signer: CertificateSigner): Uint8Array {
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_SHA256 });
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: nameOf(signer.subject),
    validity: new Validity({ notBefore: wholeSeconds(what.notBefore), notAfter: wholeSeconds(what.notAfter) }),
    subject: nameOf(what.subject),
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(what.publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions(extensionsOf(what, signer)),
  });
  const signed = new Uint8Array(AsnConvert.serialize(tbs));
  const signature = sign("sha256", signed, signer.privateKey);
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: bufferOf(signature),
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function extensionsOf(what: CertificateToMake, signer: CertificateSigner): Extension[] {
  const { authority, keyUsage = authority === undefined ? LEAF_USAGE : AUTHORITY_USAGE } = what;
  const purposes = what.purposes ?? (authority === undefined ? [id_kp_serverAuth, id_kp_clientAuth] : []);
  const constraints = new BasicConstraints(
    authority === undefined ? { cA: false } : { cA: true, pathLenConstraint: authority.intermediatesMax },
  );
  const names = [
    ...what.uris.map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
    ...(what.dnsNames ?? []).map((name) => new GeneralName({ dNSName: name })),
  ];
  const issuer = new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyIdOf(signer.publicKey)) });
  return [
    extension(id_ce_basicConstraints, true, constraints),
    ...(keyUsage === "none" ? [] : [extension(id_ce_keyUsage, keyUsage.critical, new KeyUsage(keyUsage.flags))]),
    ...(purposes.length === 0 ? [] : [extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([...purposes]))]),
    ...(names.length === 0 ? [] : [extension(id_ce_subjectAltName, false, new SubjectAlternativeName(names))]),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdOf(what.publicKey))),
    extension(id_ce_authorityKeyIdentifier, false, issuer),
  ];
}

const LEAF_USAGE = { critical: true, flags: KeyUsageFlags.digitalSignature };
const AUTHORITY_USAGE = { critical: true, flags: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign };

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

/** SHA-256 of the public key, 20 bytes of it (RFC 7093 §2). */
function keyIdOf(key: KeyObject): ArrayBuffer {
  return bufferOf(createHash("sha256").update(spkiOf(key)).digest().subarray(0, 20));
}

/** A positive number, as RFC 5280 §4.1.2.2 wants it. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bufferOf(bytes);
}

function wholeSeconds(epochMs: number): Date {
  return new Date(Math.floor(epochMs / 1_000) * 1_000);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
