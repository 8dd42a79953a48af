/**
 * SPIFFE ids, and what makes a certificate an X.509-SVID (spiffe.io: SPIFFE-ID and X509-SVID). Pure: certificates come as
 * {@link CertificateFacts}, read by `node/identity`. Who somebody is stands in the one URI and nowhere else: common
 * names and DNS names are for people and for other protocols.
 */
import { fault } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import type { FaultType } from "../std/mod.ts";

/** The longest SPIFFE id, in bytes. */
export const SPIFFE_ID_BYTES_MAX = 2_048;
/** The longest name of a trust domain. */
export const TRUST_DOMAIN_LENGTH_MAX = 255;
const SCHEME = "spiffe://";

/** A SPIFFE id in its parts. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Without the slash at its front: `service/orders`. Never empty. */
  readonly path: string;
}

/** Which rule about the text of a SPIFFE id is broken. */
export type SpiffeIdRule = "id-length" | "id-scheme" | "id-trust-domain" | "id-path";

const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** Reads a SPIFFE id, or says which rule it breaks. Nothing is put right: `spiffe://td/a/` is not `spiffe://td/a`. */
export function parseSpiffeId(text: string): SpiffeId | SpiffeIdRule {
  // Everything that is let in is ASCII, so that characters are bytes.
  if (text.length > SPIFFE_ID_BYTES_MAX) return "id-length";
  if (!text.startsWith(SCHEME)) return "id-scheme";
  const slash = text.indexOf("/", SCHEME.length);
  const trustDomain = text.slice(SCHEME.length, slash < 0 ? text.length : slash);
  if (!isTrustDomain(trustDomain)) return "id-trust-domain";
  if (slash < 0) return "id-path";
  const path = text.slice(slash + 1);
  return path.split("/").every(isSegment) ? { trustDomain, path } : "id-path";
}

/** Whether a text may name a trust domain: no upper case, port, user or escape gets through. */
export function isTrustDomain(text: string): boolean {
  return text.length <= TRUST_DOMAIN_LENGTH_MAX && TRUST_DOMAIN.test(text);
}

function isSegment(segment: string): boolean {
  return segment !== "." && segment !== ".." && SEGMENT.test(segment);
}

/** Writes a SPIFFE id. @throws {TypeError} when the parts make none: they come from our own settings. */
export function formatSpiffeId({ trustDomain, path }: SpiffeId): string {
  const text = `${SCHEME}${trustDomain}/${path}`;
  const parsed = parseSpiffeId(text);
  if (typeof parsed === "string") throw new TypeError(`"${text}" is no SPIFFE id (${parsed}).`);
  return text;
}

/** Who a workload is to the fleet. */
export type Workload =
  | { readonly kind: "service"; readonly name: string }
  | { readonly kind: "gateway" }
  | { readonly kind: "operator" };

/** Who a path of our trust domain stands for; undefined for paths that are nobody's here. */
export function workloadOf(path: string): Workload | undefined {
  if (path === "gateway" || path === "operator") return { kind: path };
  const [kind, name, more] = path.split("/");
  return kind === "service" && name !== undefined && more === undefined ? { kind, name } : undefined;
}

/**
 * The DNS name of a workload: `orders.service.<trust domain>`, `gateway.<trust domain>`. A client names it in SNI, so that
 * a process with several workloads shows the right certificate. It proves nothing.
 */
export function serverNameOf({ trustDomain, path }: SpiffeId): string {
  return `${path.split("/").toReversed().join(".")}.${trustDomain}`;
}

/** The path of the service or gateway that a DNS name stands for; undefined when it is none of the trust domain. */
export function pathOfServerName(serverName: string, trustDomain: string): string | undefined {
  const suffix = `.${trustDomain}`;
  if (!serverName.endsWith(suffix)) return undefined;
  const path = serverName.slice(0, -suffix.length).split(".").toReversed().join("/");
  const workload = workloadOf(path);
  return workload === undefined || workload.kind === "operator" ? undefined : path;
}

/** What is looked at of a certificate. */
export interface CertificateFacts {
  /** All URIs among the subject's alternative names, as they are written. */
  readonly uris: readonly string[];
  /** Whether basic constraints say that it is an authority's. */
  readonly isAuthority: boolean;
  /** The most intermediates that may follow it, where it is an authority's and says so. */
  readonly pathLengthMax: number | undefined;
  readonly keyUsage:
    | {
        readonly critical: boolean;
        readonly digitalSignature: boolean;
        readonly certificateSign: boolean;
        readonly crlSign: boolean;
      }
    | undefined;
  readonly extendedKeyUsage: { readonly server: boolean; readonly client: boolean } | undefined;
  /** Whether an extension that we do not know must be understood, or one occurs twice. */
  readonly isUnclear: boolean;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Which rule a certificate, or the chain under it, breaks. */
export type SvidRule =
  | SpiffeIdRule
  | "no-certificate"
  | "unreadable"
  | "one-uri"
  | "foreign-trust-domain"
  | "authority"
  | "key-usage"
  | "extended-key-usage"
  | "expired"
  | "not-yet-valid"
  | "chain"
  | "not-expected";

const EXPLANATIONS: Readonly<Record<SvidRule, string>> = {
  "no-certificate": "it showed no certificate",
  unreadable: "it cannot be read, or has extensions that nobody here understands",
  "one-uri": "it must have exactly one URI among its alternative names",
  "id-length": "its id is longer than 2048 bytes",
  "id-scheme": "its id must begin with spiffe://",
  "id-trust-domain": "the trust domain of its id has other characters than a-z, 0-9, dot, minus, underscore",
  "id-path": "the path of its id is empty, ends in a slash, or has a segment that is not allowed",
  "foreign-trust-domain": "its id is of another trust domain",
  authority: "it is an authority's: those sign, and never authenticate",
  "key-usage": "its key usage must be critical, with digitalSignature and without keyCertSign and cRLSign",
  "extended-key-usage": "its extended key usage must have both serverAuth and clientAuth, or not be there",
  expired: "it has expired",
  "not-yet-valid": "it is not valid yet",
  chain: "no authority that is trusted here has signed it",
  "not-expected": "it is somebody else's than the one who was called",
};

/** A peer's certificate was refused. `rule` tells why. Nothing was sent to it, and nothing taken from it. */
export const BadCertificate: FaultType<{ rule: string; id?: string }> = fault("security/bad-certificate", {
  kind: "denied",
  data: t.object({ rule: t.text(), id: t.optional(t.text({ maxLength: SPIFFE_ID_BYTES_MAX })) }),
  message: ({ rule, id }) =>
    `The certificate${id === undefined ? "" : ` of ${id}`} is refused: ${EXPLANATIONS[rule as SvidRule] ?? rule}.`,
});

/** What a certificate is held to. */
export interface SvidExpectation {
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The id that a leaf proves, or the first rule that it breaks. Who signed it is for the chain to say. */
export function svidOf(facts: CertificateFacts, { trustDomain, now }: SvidExpectation): SpiffeId | SvidRule {
  if (facts.isUnclear) return "unreadable";
  if (facts.isAuthority) return "authority";
  const usage = facts.keyUsage;
  if (usage === undefined || !usage.critical || !usage.digitalSignature || usage.certificateSign || usage.crlSign) {
    return "key-usage";
  }
  const extended = facts.extendedKeyUsage;
  if (extended !== undefined && !(extended.server && extended.client)) return "extended-key-usage";
  const [uri, ...others] = facts.uris;
  if (uri === undefined || others.length > 0) return "one-uri";
  const id = parseSpiffeId(uri);
  if (typeof id === "string") return id;
  if (id.trustDomain !== trustDomain) return "foreign-trust-domain";
  return timeProblem(facts, now) ?? id;
}

/**
 * What is wrong with an authority's certificate above `below` others of authorities, or undefined. One that names a trust
 * domain names ours.
 */
export function authorityProblem(
  facts: CertificateFacts,
  below: number,
  { trustDomain, now }: SvidExpectation,
): SvidRule | undefined {
  if (facts.isUnclear) return "unreadable";
  if (!facts.isAuthority || facts.keyUsage?.certificateSign !== true) return "chain";
  if (facts.pathLengthMax !== undefined && below > facts.pathLengthMax) return "chain";
  const foreign = facts.uris.some((uri) => uri !== `${SCHEME}${trustDomain}` && uri.startsWith(SCHEME));
  return foreign ? "foreign-trust-domain" : timeProblem(facts, now);
}

function timeProblem({ notBefore, notAfter }: CertificateFacts, now: number): SvidRule | undefined {
  if (now < notBefore) return "not-yet-valid";
  return now > notAfter ? "expired" : undefined;
}
