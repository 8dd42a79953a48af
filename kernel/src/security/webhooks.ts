/**
 * Signed webhooks, in and out. Two schemes: Stripe's, with a time that bounds replays, which is ours too; and the
 * plain HMAC of the body, which carriers such as EasyPost send. Both sign the raw body, byte for byte: a body that
 * was parsed and printed again is another body.
 */
import { fault } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import type { FaultType } from "../std/mod.ts";
import type { Crypto } from "./crypto.ts";
import { fromHex, toHex } from "./hex.ts";

/** How far the time of a signature may be from now, either way, unless said: five minutes, as Stripe has it. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;

/** The longest signature header that is looked at. */
const HEADER_MAX = 1_000;
/** The most signatures of a header that are compared, each with every secret. */
const SIGNATURES_MAX = 10;
const MAC_BYTES = 32;

/** What can be wrong with a signature. */
export type SignatureProblem = "malformed" | "mismatch" | "too-old" | "too-new";

const PROBLEMS: Readonly<Record<SignatureProblem, string>> = {
  malformed: "its header has another form",
  mismatch: "none of the secrets made it for this body",
  "too-old": "it was made too long ago",
  "too-new": "it says that it was made in the future",
};

/** A webhook is signed by none of the secrets, or at another time than now. Use nothing of it. */
export const BadSignature: FaultType<{ reason: SignatureProblem }> = fault("kernel/bad-signature", {
  kind: "denied",
  data: t.object({ reason: t.oneOf(["malformed", "mismatch", "too-old", "too-new"]) }),
  message: ({ reason }) => `The signature of the webhook is refused: ${PROBLEMS[reason]}.`,
});

/** What {@link signWebhook} takes. */
export interface WebhookToSign {
  readonly secret: string;
  readonly rawBody: string;
  /** The time of signing, in seconds since 1970. */
  readonly nowSeconds: number;
  readonly crypto: Crypto;
}

/** What {@link verifyWebhook} takes. */
export interface WebhookToVerify {
  /** The secrets that are good now: two while one replaces the other. */
  readonly secrets: readonly string[];
  readonly rawBody: string;
  /** The signature header as it came, `undefined` when there was none. */
  readonly header: string | undefined;
  /** Now, in seconds since 1970. */
  readonly nowSeconds: number;
  readonly toleranceSeconds?: number;
  readonly crypto: Crypto;
}

/** Signs a body: the value of the signature header, `t=<seconds>,v1=<hex of HMAC-SHA256>`. */
export function signWebhook({ secret, rawBody, nowSeconds, crypto }: WebhookToSign): string {
  const at = String(Math.floor(nowSeconds));
  return `t=${at},v1=${toHex(crypto.hmacSha256(secret, `${at}.${rawBody}`))}`;
}

/**
 * Checks a signature by {@link signWebhook} or Stripe. Repetitions within the tolerance pass: store the event's id.
 * @throws {BadSignature} unless one of the header's `v1` signatures was made by one of the secrets, at about now.
 */
export function verifyWebhook(options: WebhookToVerify): void {
  const { secrets, rawBody, nowSeconds, crypto } = options;
  const signed = readHeader(options.header);
  if (signed === undefined) throw BadSignature.with({ reason: "malformed" });
  const payload = `${signed.at}.${rawBody}`;
  const isOurs = matchesAny(
    crypto,
    secrets.map((secret) => crypto.hmacSha256(secret, payload)),
    signed.macs,
  );
  // The time is looked at last: it means nothing before it is known who wrote it.
  if (!isOurs) throw BadSignature.with({ reason: "mismatch" });
  const age = nowSeconds - Number(signed.at);
  const tolerance = options.toleranceSeconds ?? WEBHOOK_TOLERANCE_SECONDS;
  if (age > tolerance) throw BadSignature.with({ reason: "too-old" });
  if (age < -tolerance) throw BadSignature.with({ reason: "too-new" });
}

/** Signs a body the plain way: `hmac-sha256-hex=<hex>`. It says nothing of time, so a repetition passes for ever. */
export function signBody({ secret, rawBody, crypto }: Omit<WebhookToSign, "nowSeconds">): string {
  return `${PLAIN_PREFIX}${toHex(crypto.hmacSha256(secret.normalize("NFKD"), rawBody))}`;
}

/**
 * Checks a signature of EasyPost's scheme, `hmac-sha256-hex=<hex>` with the secret in NFKD.
 * @throws {BadSignature} unless one of the secrets made it.
 */
export function verifyBody(options: Omit<WebhookToVerify, "nowSeconds" | "toleranceSeconds">): void {
  const { secrets, rawBody, header, crypto } = options;
  const mac =
    header?.startsWith(PLAIN_PREFIX) === true && header.length <= HEADER_MAX
      ? fromHex(header.slice(PLAIN_PREFIX.length))
      : undefined;
  if (mac?.length !== MAC_BYTES) throw BadSignature.with({ reason: "malformed" });
  const expected = secrets.map((secret) => crypto.hmacSha256(secret.normalize("NFKD"), rawBody));
  if (!matchesAny(crypto, expected, [mac])) throw BadSignature.with({ reason: "mismatch" });
}

const PLAIN_PREFIX = "hmac-sha256-hex=";

function readHeader(header: string | undefined): { at: string; macs: Uint8Array[] } | undefined {
  if (header === undefined || header.length > HEADER_MAX) return undefined;
  let at: string | undefined;
  const macs: Uint8Array[] = [];
  for (const part of header.split(",")) {
    const [name, value = ""] = part.split("=", 2);
    if (name === "t") {
      if (at !== undefined || !/^\d{1,12}$/.test(value)) return undefined;
      at = value;
    } else if (name === "v1" && macs.length < SIGNATURES_MAX) {
      const mac = fromHex(value);
      if (mac?.length === MAC_BYTES) macs.push(mac);
    }
    // Other schemes (`v0`) are others' business.
  }
  return at === undefined || macs.length === 0 ? undefined : { at, macs };
}

/** Compares each with each, without stopping at the first match: how long it takes tells nothing. */
function matchesAny(crypto: Crypto, expected: readonly Uint8Array[], given: readonly Uint8Array[]): boolean {
  let isFound = false;
  for (const mine of expected) {
    for (const theirs of given) isFound = crypto.timingSafeEqual(mine, theirs) || isFound;
  }
  return isFound;
}
