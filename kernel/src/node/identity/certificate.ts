/** Reads X.509 certificates: OpenSSL checks signatures and names, and what SVIDs are held to is read from their extensions. */
import { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  KeyUsage,
  SubjectAlternativeName,
  anyExtendedKeyUsage,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
} from "@peculiar/asn1-x509";
import type { CertificateFacts } from "../../security/mod.ts";

/** A certificate as it is looked at here. */
export interface ReadCertificate {
  readonly der: Uint8Array;
  /** For signatures and issuers. */
  readonly x509: X509Certificate;
  readonly facts: CertificateFacts;
}

/** The largest certificate that is read, in bytes. */
const CERTIFICATE_BYTES_MAX = 16_384;

/** Reads a certificate; undefined when it is none, or is too large. */
export function readCertificate(der: Uint8Array): ReadCertificate | undefined {
  if (der.length > CERTIFICATE_BYTES_MAX) return undefined;
  try {
    const x509 = new X509Certificate(der);
    // One reading for both: of other bytes than these, the signature would not be checked.
    if (!x509.raw.equals(der)) return undefined;
    return { der, x509, facts: factsOf(x509.raw) };
  } catch {
    return undefined;
  }
}

function factsOf(der: Uint8Array): CertificateFacts {
  const { tbsCertificate } = AsnConvert.parse(der, Certificate);
  const extensions = tbsCertificate.extensions ?? [];
  const byId = new Map(extensions.map((extension) => [extension.extnID, extension]));
  const constraints = parsed(byId.get(id_ce_basicConstraints), BasicConstraints);
  const names = parsed(byId.get(id_ce_subjectAltName), SubjectAlternativeName) ?? [];
  const { notBefore, notAfter } = tbsCertificate.validity;
  return {
    uris: names.flatMap(({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri])),
    isAuthority: constraints?.cA === true,
    pathLengthMax: constraints?.pathLenConstraint,
    keyUsage: keyUsageOf(byId.get(id_ce_keyUsage)),
    extendedKeyUsage: extendedOf(byId.get(id_ce_extKeyUsage)),
    isUnclear:
      byId.size < extensions.length || extensions.some(({ extnID, critical }) => critical && !KNOWN.has(extnID)),
    notBefore: notBefore.getTime().getTime(),
    notAfter: notAfter.getTime().getTime(),
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
]);

function parsed<T>(extension: Extension | undefined, type: new () => T): T | undefined {
  return extension && AsnConvert.parse(extension.extnValue.buffer, type);
}

function keyUsageOf(extension: Extension | undefined): CertificateFacts["keyUsage"] {
  const usage = parsed(extension, KeyUsage)?.toJSON();
  return (
    usage && {
      critical: extension?.critical === true,
      digitalSignature: usage.includes("digitalSignature"),
      certificateSign: usage.includes("keyCertSign"),
      crlSign: usage.includes("crlSign"),
    }
  );
}

function extendedOf(extension: Extension | undefined): CertificateFacts["extendedKeyUsage"] {
  const purposes = parsed(extension, ExtendedKeyUsage);
  if (purposes === undefined) return undefined;
  const any = purposes.includes(anyExtendedKeyUsage);
  return { server: any || purposes.includes(id_kp_serverAuth), client: any || purposes.includes(id_kp_clientAuth) };
}
