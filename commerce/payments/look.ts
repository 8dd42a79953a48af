/** When reconciliation looks at a payment: soon while somebody waits, ever more rarely after. Pure. */
import { type PaymentState, isUndecided, keptOf } from "./domain.ts";

/** Between two looks at most, in milliseconds. */
export const LOOK_MS_MAX = 3_600_000;
/** The first pause between looks for a payment that was called off, unless the settings say another. */
const CALLED_OFF_LOOK_MS = 5_000;
/** How often a payment that was called off is looked for in vain before it counts as failed: about 20 minutes. */
export const VAIN_LOOKS_MAX = 8;
/** After how long a payment that nobody called off, and the provider does not know, counts as failed. */
export const FORGOTTEN_AFTER_MS = 24 * 3_600_000;

/** After so many refunds that failed a person has to find another way to the customer; each was told as an event. */
export const FAILED_REFUNDS_MAX = 5;

/** What the next look depends on. */
export interface Outlook {
  readonly state: PaymentState;
  readonly givenUp: boolean;
  /** Looks without anything new so far. */
  readonly looks: number;
  readonly now: number;
  /** The first pause between looks for a payment that was called off, in milliseconds; 5,000 unless said. */
  readonly calledOffLookMs?: number | undefined;
}

/** When to look next, milliseconds since 1970; null when there is nothing to find out or to do. */
export function nextLook(outlook: Outlook): number | null {
  const firstMs = firstPauseMs(outlook);
  if (firstMs === undefined) return null;
  return outlook.now + Math.min(firstMs * 2 ** outlook.looks, LOOK_MS_MAX);
}

function firstPauseMs({ state, givenUp, looks, calledOffLookMs }: Outlook): number | undefined {
  if (givenUp) {
    // Something is kept that must go back: at once, then with pauses.
    if (keptOf(state) > 0) return reversalPauseMs(state, looks);
    return isUndecided(state.status) ? (calledOffLookMs ?? CALLED_OFF_LOOK_MS) : undefined;
  }
  if (state.open.length > 0) return 2_000;
  if (!isUndecided(state.status)) return undefined;
  // A customer waits for an unknown outcome; of an approval or a settlement the provider will tell by itself.
  if (state.status === "unknown") return 1_000;
  return state.status === "processing" ? 5_000 : 30_000;
}

/** A refund that failed rarely goes better at once: four times the pause after each. */
function reversalPauseMs({ failedRefunds }: PaymentState, looks: number): number | undefined {
  if (failedRefunds >= FAILED_REFUNDS_MAX) return undefined;
  if (failedRefunds > 0) return 60_000 * 4 ** (failedRefunds - 1);
  return looks === 0 ? 0 : 1_000;
}
