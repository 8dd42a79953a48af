/** What the sandbox carrier has to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

/** The settings of the sandbox carrier. */
export const Settings = t.object({
  apiKeys: t.array(t.secret(t.text({ minLength: 8 })), { minItems: 1, maxItems: 5 }),
  webhookUrl: t.text({ description: "Where events are sent: the shop's POST /v1/webhooks/carrier." }),
  webhookSecret: t.secret(t.text({ minLength: 8, description: "What events are signed with." })),
  webhookCopies: t.optional(
    t.integer({
      minimum: 1,
      maximum: 10,
      description: "How often each event is sent: more than 1 tests the receiver.",
    }),
  ),
  stepMs: t.optional(
    t.integer({
      minimum: 0,
      maximum: 86_400_000,
      description: "How long a parcel takes from step to step; 5,000 unless said.",
    }),
  ),
});
/** The settings of the sandbox carrier. */
export type Settings = TypeOf<typeof Settings>;

/** How long a parcel takes from step to step. */
export const stepOf = ({ stepMs = 5_000 }: Settings): number => stepMs;
