/** What checkout may be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

const wait = (description: string) => t.optional(t.integer({ minimum: 100, maximum: 3_600_000, description }));

/** The settings of checkout. */
export const Settings = t.object({
  actionTimeoutMs: wait("How long a buyer has to approve a payment; 15 minutes unless said."),
  unknownTimeoutMs: wait("How long a payment may stay unknown before the attempt is given up; 2 minutes unless said."),
});
/** The settings of checkout. */
export type Settings = TypeOf<typeof Settings>;

const MINUTE_MS = 60_000;

/** How long an attempt waits, for whom. Noted when it begins: it keeps to it also when the settings change. */
export function waitsOf({ actionTimeoutMs = 15 * MINUTE_MS, unknownTimeoutMs = 2 * MINUTE_MS }: Settings) {
  return { actionTimeoutMs, unknownTimeoutMs };
}
