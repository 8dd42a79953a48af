/** security: who somebody is, what they may do, and how secrets are kept. */
export type { WorkloadCredentials, WorkloadIdentity } from "./workload.ts";
export {
  type AccessPolicy,
  type Bearer,
  type Decision,
  Forbidden,
  NotFound,
  type PermissionsOf,
  type Ruling,
  Unauthenticated,
  accessPolicy,
  holds,
  isOwner,
  permissionTable,
} from "./authorize.ts";
export { assertedIdentity, readAssertion, writeAssertion } from "./asserted.ts";
export { fromBase64Url, toBase64Url } from "./base64url.ts";
export {
  CLOCK_SKEW_SECONDS,
  TOKEN_LIFE_MAX_SECONDS,
  type TokenClaims,
  type TokenProblem,
  type TokenRules,
} from "./claims.ts";
export {
  type Argon2Parameters,
  type Bytes,
  type Crypto,
  CryptoBusy,
  type Ed25519,
  type PrivateKeyJwk,
  type PublicKeyJwk,
} from "./crypto.ts";
export { fromHex, toHex } from "./hex.ts";
export {
  type OpenedToken,
  TOKEN_LENGTH_MAX,
  type TokenToSign,
  type Verification,
  type VerifierOptions,
  openToken,
  signToken,
  verifyToken,
} from "./jwt.ts";
export { KeyRing, type KeyRingOptions, keysOf, readKeySet } from "./key-ring.ts";
export {
  type KeyRecord,
  type KeySet,
  type PublishedKey,
  ROTATION_DEFAULT,
  type RotationPlan,
  type RotationPolicy,
  currentKey,
  makeKey,
  planRotation,
  publicKeys,
  thumbprint,
} from "./keys.ts";
export { isCommonPassword } from "./password-common.ts";
export {
  ARGON2_DEFAULT,
  PASSWORD_LENGTH_MAX,
  PASSWORD_LENGTH_MIN,
  type PasswordOptions,
  type PasswordProblem,
  type Passwords,
  passwordProblem,
  passwords,
} from "./password.ts";
export { type RefreshOutcome, type RefreshPolicy, type RefreshRecord, rotateRefresh } from "./refresh.ts";
export { ROOT_POLICY_DEFAULT, type RootPlan, type RootPolicy, type RootRecord, planRoots } from "./root-rotation.ts";
export { BadSettings, type SettingsSource, resolveSettings, settingVariable } from "./secrets.ts";
export { type JsonObject, readStrictObject } from "./strict-json.ts";
export {
  ACCOUNT_THROTTLE,
  ADDRESS_THROTTLE,
  type ThrottlePolicy,
  type ThrottleState,
  TooManyAttempts,
  admit,
  recordFailure,
  waitMs,
} from "./throttle.ts";
export { TokenVerifier, type TokenVerifierOptions } from "./token-verifier.ts";
export {
  BadCertificate,
  type CertificateFacts,
  SPIFFE_ID_BYTES_MAX,
  type SpiffeId,
  type SpiffeIdRule,
  type SvidExpectation,
  type SvidRule,
  TRUST_DOMAIN_LENGTH_MAX,
  type Workload,
  authorityProblem,
  formatSpiffeId,
  isTrustDomain,
  parseSpiffeId,
  pathOfServerName,
  serverNameOf,
  svidOf,
  workloadOf,
} from "./spiffe.ts";
export { type OpaqueToken, makeToken, tokenDigest } from "./tokens.ts";
export {
  type OpenCertificates,
  TRANSACTION_LIFE_SECONDS,
  TRANSACTION_TOKEN_LENGTH_MAX,
  TRANSACTION_TOKEN_TYPE,
  type Transaction,
  TransactionIssuer,
  type TransactionIssuerOptions,
  type TransactionProblem,
  TransactionVerifier,
  type TransactionVerifierOptions,
  type WorkloadKey,
  type WorkloadSigner,
} from "./transaction-token.ts";
export { RecentMap } from "./recent-map.ts";
export {
  BadSignature,
  type SignatureProblem,
  WEBHOOK_TOLERANCE_SECONDS,
  type WebhookToSign,
  type WebhookToVerify,
  signBody,
  signWebhook,
  verifyBody,
  verifyWebhook,
} from "./webhooks.ts";
