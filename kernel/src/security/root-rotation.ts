/**
 * When an authority's roots take over from one another. Pure. A new root is trusted for a while before it signs, so that
 * every host has read it by then; an old one is trusted until nothing that it signed can live any more.
 */

/** What is known of a root. Times are milliseconds since 1970. */
export interface RootRecord {
  /** Counts roots from 1. */
  readonly generation: number;
  readonly madeAt: number;
  readonly expiresAt: number;
}

/** How roots are rotated. All in milliseconds. */
export interface RootPolicy {
  readonly lifeMs: number;
  /** How long before its end a root gets a successor. */
  readonly renewBeforeMs: number;
  /** How long a root is only trusted before it signs: longer than hosts take to read a new bundle. */
  readonly publishMs: number;
  /** The longest life of what a root signs. */
  readonly leafLifeMaxMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A year; a successor a month before; an hour ahead in the bundle; leaves of a day at the most. */
export const ROOT_POLICY_DEFAULT: RootPolicy = {
  lifeMs: 365 * DAY_MS,
  renewBeforeMs: 30 * DAY_MS,
  publishMs: HOUR_MS,
  leafLifeMaxMs: DAY_MS,
};

/** What is to be done with an authority's roots. */
export interface RootPlan {
  /** The generation that signs now; undefined when one has to be made first. */
  readonly signer: number | undefined;
  /** The generations that are trusted now, oldest first. */
  readonly trusted: readonly number[];
  /** Whether a successor is due. */
  readonly makeNext: boolean;
  /** The generations that nobody needs any more. */
  readonly retire: readonly number[];
}

/** Decides about the roots that there are. */
export function planRoots(roots: readonly RootRecord[], now: number, policy: RootPolicy): RootPlan {
  const known = roots.toSorted((a, b) => a.generation - b.generation);
  const live = known.filter(({ expiresAt }) => now < expiresAt);
  const published = live.filter(({ madeAt }) => madeAt + policy.publishMs <= now);
  // The first root of all signs at once: there is nobody who trusts another.
  const signer = published.at(-1) ?? live[0];
  const newest = live.at(-1);
  const isOver = (root: RootRecord): boolean =>
    now >= root.expiresAt ||
    (signer !== undefined &&
      root.generation < signer.generation &&
      now >= signer.madeAt + policy.publishMs + policy.leafLifeMaxMs);
  return {
    signer: signer?.generation,
    trusted: known.filter((root) => !isOver(root)).map(({ generation }) => generation),
    makeNext: newest === undefined || newest.expiresAt - now < policy.renewBeforeMs,
    retire: known.filter(isOver).map(({ generation }) => generation),
  };
}
