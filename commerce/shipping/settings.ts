/** What shipping has to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

/** The settings of shipping. */
export const Settings = t.object({
  carrierUrl: t.text({ minLength: 1, description: "Where the carrier is reached, without a slash at its end." }),
  apiKey: t.secret(t.text({ minLength: 1, description: "The carrier's API key." })),
  webhookSecrets: t.array(t.secret(t.text({ minLength: 1 })), {
    minItems: 1,
    maxItems: 5,
    description: "Secrets that webhooks may be signed with: two while one replaces the other.",
  }),
  autoShip: t.optional(
    t.boolean({ description: "Whether parcels leave by themselves once they are ready: for demos. No unless said." }),
  ),
  autoShipAfterMs: t.optional(
    t.integer({
      minimum: 0,
      maximum: 86_400_000,
      description: "How long a ready parcel waits then; 5,000 unless said.",
    }),
  ),
});
/** The settings of shipping. */
export type Settings = TypeOf<typeof Settings>;

const AUTO_SHIP_AFTER_MS = 5_000;

/** When a parcel that is ready now leaves by itself; null when somebody has to see to it. */
export function shipAtOf(
  { autoShip = false, autoShipAfterMs = AUTO_SHIP_AFTER_MS }: Settings,
  now: number,
): number | null {
  return autoShip ? now + autoShipAfterMs : null;
}
