/** auth: who somebody is: accounts, sessions, tokens, roles and keys. Passwords and tokens never leave it in clear. */
import {
  anyone,
  command,
  contract,
  event,
  fault,
  http,
  permission,
  query,
  services,
  user,
} from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Email, pageFields, pageOf } from "../shared/mod.ts";

/** A password. Length counts, composition does not (NIST SP 800-63B). */
export const Password = t.secret(t.text({ minLength: 8, maxLength: 256 }));

/** The roles of the shop. */
export const ROLES = ["customer", "guest", "support", "warehouse", "merchandiser", "admin"] as const;
const Role = t.oneOf(ROLES);
/** A role of the shop. */
export type Role = (typeof ROLES)[number];
const Token = t.secret(t.text({ minLength: 16, maxLength: 4_000 }));
const UserId = t.id();
const LinkId = t.id();

/**
 * What signing in gives. An access token is good until it expires, also after its session was ended: at most 15 minutes
 * for users; a guest's for 30 days, and nothing but carts and orders is the guest's.
 */
export const Session = t.object({
  userId: UserId,
  accessToken: t.secret(t.text({ maxLength: 4_000 })),
  tokenType: t.literal("Bearer"),
  expiresInSeconds: t.integer(),
  refreshToken: t.optional(t.secret(t.text({ maxLength: 200 }))),
  roles: t.array(Role),
});
/** What signing in gives. */
export type Session = TypeOf<typeof Session>;

/** The email or the password is wrong; which one is not said. */
export const WrongCredentials = fault("auth/wrong-credentials", {
  kind: "denied",
  data: t.object({}),
  message: () => "The email address or the password is wrong.",
});

/** Too many wrong passwords: wait. */
export const TooManyAttempts = fault("auth/too-many-attempts", {
  kind: "exhausted",
  data: t.object({ retryAfterMs: t.integer() }),
  message: ({ retryAfterMs }) => `Too many attempts. Try again in ${Math.ceil(retryAfterMs / 1_000)} seconds.`,
});

/** The token is expired, used, revoked or not ours. */
export const BadToken = fault("auth/bad-token", {
  kind: "denied",
  data: t.object({}),
  message: () => "The token is expired, used or not valid. Sign in again, or ask for a new one.",
});

/** The password is one that everybody tries first. */
export const CommonPassword = fault("auth/common-password", {
  kind: "invalid",
  data: t.object({}),
  message: () => "This password is too common. Choose another: longer is better than stranger.",
});

/** No such account or key. */
export const NoAccount = fault("auth/no-account", {
  kind: "missing",
  data: t.object({ what: t.text() }),
  message: ({ what }) => `There is no ${what}.`,
});

/** Another account has this address. Only told to who may make accounts for others. */
export const AddressTaken = fault("auth/address-taken", {
  kind: "conflict",
  data: t.object({ email: Email }),
  message: ({ email }) => `There is an account for ${email} already.`,
});

const manage = permission("auth.manage");
const Done = t.object({ done: t.literal(true) });

export const auth = contract("auth", {
  version: "1.0.0",
  summary: "Accounts, sessions, tokens, roles and API keys.",
  permissions: { "auth.manage": "Grant roles, make API keys, end anybody's sessions." },
  commands: {
    /** Answers alike whether the address is taken or not; its owner gets a mail either way. */
    register: command({
      summary: "Create an account",
      input: t.object({ email: Email, password: Password, name: t.optional(t.text({ maxLength: 200 })) }),
      output: t.object({ accepted: t.literal(true) }),
      faults: [CommonPassword],
      allow: [anyone],
      criticality: "high",
      deadlineMs: 10_000,
      http: http("POST /v1/auth/register", { status: 201 }),
    }),
    login: command({
      summary: "Sign in",
      input: t.object({ email: Email, password: Password, address: t.optional(t.text({ maxLength: 64 })) }),
      output: Session,
      faults: [WrongCredentials, TooManyAttempts],
      allow: [anyone],
      criticality: "high",
      deadlineMs: 10_000,
      http: http("POST /v1/auth/login", { clientAddress: "address" }),
    }),
    guest: command({
      summary: "Begin as a guest",
      input: t.object({}),
      output: Session,
      allow: [anyone],
      criticality: "high",
      http: http("POST /v1/guests", { status: 201 }),
    }),
    /** Each refresh token works once; a second use ends the session, because somebody else has a copy. */
    refresh: command({
      summary: "Get new tokens",
      input: t.object({ refreshToken: Token }),
      output: Session,
      faults: [BadToken],
      allow: [anyone],
      criticality: "high",
      http: http("POST /v1/auth/refresh"),
    }),
    logout: command({
      summary: "End the session",
      input: t.object({ refreshToken: Token }),
      output: Done,
      allow: [anyone],
      http: http("POST /v1/auth/logout"),
    }),
    requestPasswordReset: command({
      summary: "Ask for a mail to set a new password",
      input: t.object({ email: Email }),
      output: Done,
      allow: [anyone],
      http: http("POST /v1/auth/password-reset"),
    }),
    resetPassword: command({
      summary: "Set a new password with the token of the mail",
      input: t.object({ token: Token, password: Password }),
      output: Done,
      faults: [BadToken, CommonPassword],
      allow: [anyone],
      deadlineMs: 10_000,
      http: http("POST /v1/auth/password-reset/confirm"),
    }),
    changePassword: command({
      summary: "Change the password",
      input: t.object({ current: Password, next: Password }),
      output: t.object({ done: t.boolean() }),
      faults: [WrongCredentials, CommonPassword, TooManyAttempts],
      allow: [user],
      deadlineMs: 10_000,
      http: http("POST /v1/auth/password"),
    }),
    verifyEmail: command({
      summary: "Confirm the address with the token of the mail",
      input: t.object({ token: Token }),
      output: Done,
      faults: [BadToken],
      allow: [anyone],
      http: http("POST /v1/auth/verify-email"),
    }),
    requestEmailVerification: command({
      summary: "Ask for another mail to confirm the address",
      input: t.object({}),
      output: Done,
      allow: [user],
      http: http("POST /v1/auth/verify-email/request"),
    }),
    revokeSession: command({
      summary: "End one of my sessions",
      input: t.object({ sessionId: t.id() }),
      output: Done,
      allow: [user],
      http: http("DELETE /v1/auth/sessions/:sessionId"),
    }),
    /** For staff, whose address is known to be theirs. */
    createUser: command({
      summary: "Make an account with roles",
      input: t.object({
        email: Email,
        password: Password,
        name: t.optional(t.text({ maxLength: 200 })),
        roles: t.array(Role, { maxItems: 10, uniqueItems: true }),
      }),
      output: t.object({ userId: UserId }),
      faults: [AddressTaken, CommonPassword],
      allow: [manage],
      deadlineMs: 10_000,
      http: http("POST /v1/auth/users", { status: 201 }),
    }),
    setRoles: command({
      summary: "Set somebody's roles",
      input: t.object({ userId: UserId, roles: t.array(Role, { maxItems: 10, uniqueItems: true }) }),
      output: t.object({ userId: UserId, roles: t.array(Role) }),
      faults: [NoAccount],
      allow: [manage],
      http: http("PUT /v1/auth/users/:userId/roles"),
    }),
    revokeSessions: command({
      summary: "End all of somebody's sessions",
      input: t.object({ userId: UserId }),
      output: Done,
      faults: [NoAccount],
      allow: [manage],
      http: http("POST /v1/auth/users/:userId/revoke-sessions"),
    }),
    createApiKey: command({
      summary: "Make an API key; it is shown once",
      input: t.object({
        name: t.text({ minLength: 1, maxLength: 100 }),
        roles: t.array(Role, { minItems: 1, maxItems: 10 }),
      }),
      output: t.object({ keyId: t.id(), key: t.secret(t.text()) }),
      allow: [manage],
      http: http("POST /v1/auth/api-keys", { status: 201 }),
    }),
    revokeApiKey: command({
      summary: "Revoke an API key",
      input: t.object({ keyId: t.id() }),
      output: Done,
      faults: [NoAccount],
      allow: [manage],
      http: http("DELETE /v1/auth/api-keys/:keyId"),
    }),
  },
  queries: {
    jwks: query({
      summary: "The public keys of access tokens",
      input: t.object({}),
      output: t.object({ keys: t.array(t.unknown(), { maxItems: 20 }) }),
      allow: [anyone],
      criticality: "critical",
      http: http("GET /.well-known/jwks.json", { publicMaxAgeSeconds: 60 }),
    }),
    /** Who a token is of: the token is the proof, for services that act on two identities at once. */
    identify: query({
      input: t.object({ token: t.secret(t.text({ minLength: 1, maxLength: 4_000 })) }),
      output: t.object({ subject: t.text(), guest: t.boolean() }),
      faults: [BadToken],
      allow: [services("cart")],
      criticality: "high",
    }),
    /** Who an API key is of: the key is the proof. Asked by the gateway. */
    resolveApiKey: query({
      input: t.object({ key: Token }),
      output: t.object({ subject: t.text(), roles: t.array(t.text()) }),
      faults: [BadToken],
      allow: [anyone],
      criticality: "critical",
    }),
    /** The secret of a link in a mail, for whoever writes the mail. It is in no event and in no table. */
    linkToken: query({
      input: t.object({ linkId: LinkId }),
      output: t.object({ token: Token }),
      faults: [BadToken],
      allow: [services("notifications")],
    }),
    sessions: query({
      summary: "Where I am signed in",
      input: t.object({}),
      output: t.object({
        items: t.array(
          t.object({ sessionId: t.id(), createdAt: t.instant(), usedAt: t.instant(), current: t.boolean() }),
          { maxItems: 100 },
        ),
      }),
      allow: [user],
      http: http("GET /v1/auth/sessions"),
    }),
    users: query({
      summary: "List accounts",
      input: t.object({ email: t.optional(Email), ...pageFields }),
      output: pageOf(
        t.object({ userId: UserId, email: Email, verified: t.boolean(), roles: t.array(Role), createdAt: t.instant() }),
      ),
      allow: [manage],
      http: http("GET /v1/auth/users"),
    }),
    apiKeys: query({
      summary: "List API keys",
      input: t.object({}),
      output: t.object({
        items: t.array(
          t.object({
            keyId: t.id(),
            name: t.text(),
            roles: t.array(Role),
            createdAt: t.instant(),
            revoked: t.boolean(),
          }),
        ),
      }),
      allow: [manage],
      http: http("GET /v1/auth/api-keys"),
    }),
  },
  events: {
    userRegistered: event({
      key: "userId",
      data: t.object({ userId: UserId, email: Email, name: t.optional(t.text({ maxLength: 200 })) }),
    }),
    /** Somebody tried to register an address that has an account: its owner is told. */
    registrationRepeated: event({ key: "userId", data: t.object({ userId: UserId, email: Email }) }),
    emailVerificationRequested: event({
      key: "userId",
      data: t.object({ userId: UserId, email: Email, linkId: LinkId }),
    }),
    emailVerified: event({ key: "userId", data: t.object({ userId: UserId }) }),
    passwordResetRequested: event({ key: "userId", data: t.object({ userId: UserId, email: Email, linkId: LinkId }) }),
    passwordChanged: event({ key: "userId", data: t.object({ userId: UserId, email: Email }) }),
    rolesChanged: event({ key: "userId", data: t.object({ userId: UserId, roles: t.array(Role), by: t.text() }) }),
    sessionRevoked: event({ key: "userId", data: t.object({ userId: UserId, reason: t.text() }) }),
    loginFailed: event({ key: "userId", data: t.object({ userId: UserId, reason: t.text() }) }),
  },
});
