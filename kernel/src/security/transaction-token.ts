/**
 * Transaction tokens (draft-ietf-oauth-transaction-tokens): who the end user behind a call is, signed by the gateway that
 * let the user in, for a minute at the most. Services pass them on as they are, and make none. ES256 by the key of the
 * gateway's X.509-SVID, whose certificates stand in the header (`x5c`): who trusts the fleet's authorities needs no key set.
 *
 * Signing and checking cost some 100 µs each, so both are remembered, within bounds. Nothing outlives the process. A
 * token is a credential: it is never logged, nor put into a span.
 */
import type { Identity } from "../contract/mod.ts";
import type { Clock, Ids, Json } from "../std/mod.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { RecentMap } from "./recent-map.ts";
import { formatSpiffeId } from "./spiffe.ts";
import { type JsonObject, readStrictObject } from "./strict-json.ts";

/** The kind of token, in its header. */
export const TRANSACTION_TOKEN_TYPE = "txntoken+jwt";
/** How long a transaction token is good, in seconds. */
export const TRANSACTION_LIFE_SECONDS = 60;
/** The longest transaction token that is looked at, in characters: it has a chain of certificates in it. */
export const TRANSACTION_TOKEN_LENGTH_MAX = 12_288;
/** How far the clocks of a fleet may be apart, in seconds. */
const SKEW_SECONDS = 10;
const CERTIFICATES_MAX = 4;
const ROLES_MAX = 64;
const TEXT_LENGTH_MAX = 256;
const SIGNATURE_BYTES = 64;
const REMEMBERED_MAX = 4_096;

/** Signs as a workload. */
export interface WorkloadSigner {
  /** The workload's SPIFFE id. */
  readonly id: string;
  /** Its certificates in base64 (RFC 7515 §4.1.6), the leaf first. */
  readonly x5c: readonly string[];
  /** When the leaf ends, milliseconds since 1970. */
  readonly expiresAt: number;
  /** Signs by ECDSA on P-256 with SHA-256: 64 bytes, `r` and `s`. */
  sign(data: Uint8Array): Uint8Array;
}

/** A workload whose certificates are good now. */
export interface WorkloadKey {
  readonly id: string;
  /** Whether a signature is its, as {@link WorkloadSigner} makes them. */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** Finds out whose certificates these are; undefined when they are not good. They come from a stranger. */
export type OpenCertificates = (x5c: readonly string[]) => WorkloadKey | undefined;

/** What a {@link TransactionIssuer} is made of. */
export interface TransactionIssuerOptions {
  readonly trustDomain: string;
  readonly clock: Pick<Clock, "now">;
  readonly ids: Ids;
  /** The gateway's signer of this moment. */
  readonly signer: () => WorkloadSigner;
}

interface Issued {
  readonly token: string;
  readonly renewAt: number;
}

/** Makes transaction tokens. Only gateways have one. */
export class TransactionIssuer {
  readonly #options: TransactionIssuerOptions;
  #issued = new RecentMap<Issued>(REMEMBERED_MAX);
  /** The certificate that those were signed by. */
  #leaf: string | undefined;

  constructor(options: TransactionIssuerOptions) {
    this.#options = options;
  }

  /**
   * The token of an end user: one that is at hand while half its life is left, else a new one. Those of a certificate that
   * was renewed are not handed out any more: who has just left an authority may soon not be believed by it.
   */
  issue(identity: Identity): string {
    const now = this.#options.clock.now();
    const [leaf] = this.#options.signer().x5c;
    if (leaf !== this.#leaf) this.#issued = new RecentMap(REMEMBERED_MAX);
    this.#leaf = leaf;
    const name = nameOf(identity);
    const known = this.#issued.get(name);
    if (known !== undefined && now < known.renewAt) return known.token;
    const token = this.#sign(identity, now);
    this.#issued.set(name, { token, renewAt: now + (TRANSACTION_LIFE_SECONDS / 2) * 1_000 });
    return token;
  }

  #sign({ subject, roles, guest, session }: Identity, now: number): string {
    const { trustDomain, ids, signer } = this.#options;
    const { id, x5c, sign } = signer();
    const iat = Math.floor(now / 1_000);
    const claims = {
      iss: id,
      aud: trustDomain,
      iat,
      exp: iat + TRANSACTION_LIFE_SECONDS,
      txn: ids.next(),
      sub: subject,
      req_wl: id,
      tctx: { roles, guest, ...(session === undefined ? {} : { session }) },
    };
    const signed = `${encode({ alg: "ES256", typ: TRANSACTION_TOKEN_TYPE, x5c })}.${encode(claims)}`;
    const token = `${signed}.${toBase64Url(sign(encoder.encode(signed)))}`;
    if (token.length > TRANSACTION_TOKEN_LENGTH_MAX) {
      throw new RangeError(`A transaction token has ${token.length} characters: its user has too many roles.`);
    }
    return token;
  }
}

const encoder = new TextEncoder();

function encode(value: object): string {
  return toBase64Url(encoder.encode(JSON.stringify(value)));
}

/** Tells identities apart. The parts are texts of ours and of the token judge: none has a line break in it. */
function nameOf({ subject, roles, guest, session }: Identity): string {
  return `${guest ? "guest" : "user"}\n${subject}\n${session ?? ""}\n${roles.join("\n")}`;
}

/** Why a transaction token was refused. */
export type TransactionProblem =
  | "too-long"
  | "malformed"
  | "header"
  | "certificates"
  | "not-a-gateway"
  | "signature"
  | "issuer"
  | "audience"
  | "claims"
  | "expired"
  | "not-yet-valid";

/** Who a transaction token says that the user is. */
export interface Transaction {
  /** Frozen, and the same object each time that the token is shown. */
  readonly identity: Identity;
  /** The transaction's id: for logs, where the token must not be. */
  readonly txn: string;
  /** When the token ends, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What a {@link TransactionVerifier} is made of. */
export interface TransactionVerifierOptions {
  readonly trustDomain: string;
  readonly clock: Pick<Clock, "now">;
  readonly open: OpenCertificates;
  /** How many good tokens are remembered; 4,096 unless said, some 8 MB. */
  readonly rememberedMax?: number;
}

/** Checks transaction tokens. */
export class TransactionVerifier {
  readonly #options: TransactionVerifierOptions;
  readonly #gateway: string;
  readonly #known: RecentMap<Transaction>;

  constructor(options: TransactionVerifierOptions) {
    this.#options = options;
    this.#gateway = formatSpiffeId({ trustDomain: options.trustDomain, path: "gateway" });
    this.#known = new RecentMap(options.rememberedMax ?? REMEMBERED_MAX);
  }

  /** Checks a token, in this order: form, header, certificates, signature, claims. */
  verify(token: string): Transaction | TransactionProblem {
    const now = this.#options.clock.now();
    const known = this.#known.get(token);
    if (known !== undefined) return isOver(known.expiresAt, now) ? "expired" : known;
    const claims = this.#open(token);
    if (typeof claims === "string") return claims;
    const transaction = this.#read(claims, now);
    if (typeof transaction !== "string") this.#known.set(token, transaction);
    return transaction;
  }

  #open(token: string): JsonObject | TransactionProblem {
    if (token.length > TRANSACTION_TOKEN_LENGTH_MAX) return "too-long";
    const parts = token.split(".", 4);
    const [header, payload, signature] = parts.map(fromBase64Url);
    if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
      return "malformed";
    }
    const x5c = readHeader(header);
    if (x5c === undefined) return "header";
    const key = this.#options.open(x5c);
    if (key === undefined) return "certificates";
    if (key.id !== this.#gateway) return "not-a-gateway";
    if (signature.length !== SIGNATURE_BYTES) return "signature";
    if (!key.verify(encoder.encode(token.slice(0, token.lastIndexOf("."))), signature)) return "signature";
    return readStrictObject(payload) ?? "malformed";
  }

  #read(claims: JsonObject, now: number): Transaction | TransactionProblem {
    const { iss, aud, iat, exp, txn, sub } = claims;
    if (iss !== this.#gateway) return "issuer";
    if (aud !== this.#options.trustDomain) return "audience";
    if (!isText(txn) || !isText(sub) || !Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return "claims";
    const [begins, ends] = [iat as number, exp as number];
    if (ends <= begins || ends - begins > TRANSACTION_LIFE_SECONDS) return "claims";
    const identity = identityOf(sub, claims["tctx"]);
    if (identity === undefined) return "claims";
    if (isOver(ends * 1_000, now)) return "expired";
    if (begins * 1_000 > now + SKEW_SECONDS * 1_000) return "not-yet-valid";
    return Object.freeze({ identity, txn, expiresAt: ends * 1_000 });
  }
}

function isOver(expiresAt: number, now: number): boolean {
  return now >= expiresAt + SKEW_SECONDS * 1_000;
}

/** The certificates from a header that is exactly ours. */
function readHeader(bytes: Uint8Array): readonly string[] | undefined {
  const header = readStrictObject(bytes);
  if (header === undefined || header["alg"] !== "ES256" || header["typ"] !== TRANSACTION_TOKEN_TYPE) return undefined;
  const x5c = header["x5c"];
  if (Object.keys(header).length !== 3 || !isTexts(x5c) || x5c.length === 0) return undefined;
  return x5c.length <= CERTIFICATES_MAX ? x5c : undefined;
}

function identityOf(subject: string, context: Json | undefined): Identity | undefined {
  if (typeof context !== "object" || context === null || Array.isArray(context)) return undefined;
  const { roles, guest, session } = context as JsonObject;
  if (!isTexts(roles) || roles.length > ROLES_MAX || !roles.every(isText) || typeof guest !== "boolean")
    return undefined;
  if (session === undefined) return Object.freeze({ subject, roles: Object.freeze([...roles]), guest });
  return isText(session) ? Object.freeze({ subject, roles: Object.freeze([...roles]), guest, session }) : undefined;
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= TEXT_LENGTH_MAX;
}
