/**
 * Ended sessions as gateways hear of them. An access token outlives its session by minutes, and its signature stays
 * good: so gateways are told, right after the commit, and by a job again and again until the last token has expired.
 * What was told and lost on the way is told again; whoever hears it twice does not mind.
 */
import type { Job } from "@isomer/kernel/runtime";
import { toFault } from "@isomer/kernel/std";
import type { Reading } from "./context.ts";
import { livesOf, type Settings } from "./settings.ts";
import { type Tables, revokedAfter } from "./store.ts";

/** How far back a command looks after its commit, in milliseconds: its own end of a session, and a retried one's. */
const JUST_NOW_MS = 5_000;
const PAGE = 500;

type Telling = Pick<Reading, "read" | "now" | "settings" | "revocations" | "log">;

/** The name by which gateways know a session that was revoked. */
export const revokedSession = (sessionId: string): string => `session/${sessionId}`;

/** Tells gateways of sessions that ended in the last `backMs` milliseconds. @throws when they may not have heard. */
async function tellRevoked(ctx: Telling, backMs: number): Promise<void> {
  const { revocations } = ctx;
  if (revocations === undefined) return;
  const lifeMs = livesOf(ctx.settings).accessSeconds * 1_000;
  let after = { at: ctx.now() - Math.min(backMs, lifeMs), sessionId: "" };
  for (;;) {
    const page = await ctx.read((db) => db.all(revokedAfter, { ...after, limit: PAGE }));
    const told = page.map(({ session_id, revoked_at }) => ({
      id: revokedSession(session_id),
      untilMs: (revoked_at ?? 0) + lifeMs,
    }));
    if (told.length > 0) await revocations.revoke(told);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { at: last.revoked_at ?? 0, sessionId: last.session_id };
  }
}

/** After a commit that may have ended sessions: the answer does not depend on who could be told. */
export async function tellSoon<T>(output: T, ctx: Reading): Promise<T> {
  try {
    await tellRevoked(ctx, JUST_NOW_MS);
  } catch (error) {
    ctx.log.warn("Gateways could not be told of an ended session; they are told again.", { error: toFault(error) });
  }
  return output;
}

/** Tells gateways again, for as long as an access token of an ended session may be out. */
export const tellAgain: Job<Tables, never, Settings> = {
  name: "tellRevoked",
  everyMs: 2_000,
  async run(ctx) {
    await tellRevoked(ctx, Number.POSITIVE_INFINITY);
    return false;
  },
};
