/** What auth has to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import type { RotationPolicy, TokenRules } from "@isomer/kernel/security";

const DAY_MS = 86_400_000;
const days = (description: string, maximum: number) => t.optional(t.integer({ minimum: 1, maximum, description }));

/** The settings of auth. */
export const Settings = t.object({
  issuer: t.optional(
    t.text({ minLength: 1, maxLength: 200, description: "`iss` of tokens; isomer-shop unless said." }),
  ),
  audience: t.optional(t.text({ minLength: 1, maxLength: 200, description: "`aud` of tokens; isomer unless said." })),
  pepper: t.optional(
    t.secret(
      t.text({ minLength: 16, description: "Mixed into the secret of tokens, so that the database alone makes none." }),
    ),
  ),
  requireVerifiedEmail: t.optional(
    t.boolean({
      description: "Whether signing in needs a confirmed address. Needed if nobody may learn who has an account.",
    }),
  ),
  accessMinutes: t.optional(
    t.integer({ minimum: 1, maximum: 60, description: "Life of access tokens; 15 unless said." }),
  ),
  guestDays: days("Life of guests' tokens; 30 unless said.", 90),
  refreshDays: days("How long a session may lie unused; 30 unless said.", 365),
  sessionDays: days("How long a session lives at most; 90 unless said.", 365),
  keyLifeDays: days("How long a key signs before the next one does; 90 unless said.", 365),
});
/** The settings of auth. */
export type Settings = TypeOf<typeof Settings>;

/** How long somebody may take to follow a link in a mail. */
export const LINK_LIFE_MS = { "verify-email": 2 * DAY_MS, "reset-password": 3_600_000 } as const;

/** What links are for. */
export type Purpose = keyof typeof LINK_LIFE_MS;

/** Who signs tokens, for whom. */
export const partiesOf = ({ issuer = "isomer-shop", audience = "isomer" }: Settings) => ({ issuer, audience });

/** The lives of tokens, in seconds. */
export const livesOf = ({ accessMinutes = 15, guestDays = 30 }: Settings) => ({
  accessSeconds: accessMinutes * 60,
  guestSeconds: guestDays * 86_400,
});

/** The lives of sessions. */
export const sessionsOf = ({ refreshDays = 30, sessionDays = 90 }: Settings) => ({
  idleMs: refreshDays * DAY_MS,
  familyMs: sessionDays * DAY_MS,
});

/** How signing keys rotate. */
export function rotationOf(settings: Settings): RotationPolicy {
  const everyMs = (settings.keyLifeDays ?? 90) * DAY_MS;
  return {
    everyMs,
    publishAheadMs: Math.min(DAY_MS, everyMs / 4),
    tokenLifeMs: livesOf(settings).guestSeconds * 1_000,
  };
}

/** What auth holds its own tokens to. */
export function rulesOf(settings: Settings): TokenRules {
  return { ...partiesOf(settings), lifeMaxSeconds: livesOf(settings).guestSeconds };
}
