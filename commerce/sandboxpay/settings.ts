/** What the sandbox provider has to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

const delay = (description: string) => t.optional(t.integer({ minimum: 0, maximum: 3_600_000, description }));

/** The settings of the sandbox provider. */
export const Settings = t.object({
  publicUrl: t.text({
    description: "Where the customer's browser finds the shop's gateway, without a slash at the end.",
  }),
  apiKeys: t.array(t.secret(t.text({ minLength: 8 })), { minItems: 1, maxItems: 5 }),
  webhookUrl: t.text({ description: "Where events are sent: the shop's POST /v1/webhooks/payments." }),
  webhookSecret: t.secret(t.text({ minLength: 8, description: "What events are signed with." })),
  webhookCopies: t.optional(
    t.integer({
      minimum: 1,
      maximum: 10,
      description: "How often each event is sent: more than 1 tests the receiver.",
    }),
  ),
  shortDelayMs: delay("How long `processing` and failing refunds take; 1,500 unless said."),
  longDelayMs: delay("How long a late success takes; 150,000 unless said, which is longer than the shop waits."),
  darkMs: delay("How long a lost answer stays lost; 3,000 unless said."),
});
/** The settings of the sandbox provider. */
export type Settings = TypeOf<typeof Settings>;

/** After how long `processing` is decided. */
export const shortDelayOf = ({ shortDelayMs = 1_500 }: Settings): number => shortDelayMs;
/** After how long a late success comes. */
export const longDelayOf = ({ longDelayMs = 150_000 }: Settings): number => longDelayMs;
/** For how long a lost answer stays lost. */
export const darkOf = ({ darkMs = 3_000 }: Settings): number => darkMs;
