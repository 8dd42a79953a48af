/** What payments has to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

/** The settings of payments. */
export const Settings = t.object({
  providerUrl: t.text({
    minLength: 1,
    description: "Where the provider is reached, without a path or a slash at the end.",
  }),
  apiKey: t.secret(t.text({ minLength: 1, description: "The provider's API key." })),
  webhookSecrets: t.array(t.secret(t.text({ minLength: 1 })), {
    minItems: 1,
    maxItems: 5,
    description: "Secrets that webhooks may be signed with: two while one replaces the other.",
  }),
  providerTimeoutMs: t.optional(t.integer({ minimum: 1, maximum: 8_000, description: "3,000 unless said." })),
  calledOffLookMs: t.optional(
    t.integer({
      minimum: 1,
      maximum: 60_000,
      description: "The first pause between two looks for a payment that was called off; 5,000 unless said.",
    }),
  ),
});
/** The settings of payments. */
export type Settings = TypeOf<typeof Settings>;
