/** What notifications have to be told. */
import { type TypeOf, t } from "@isomer/kernel/schema";

/** The settings of notifications. */
export const Settings = t.object({
  shopUrl: t.text({ description: "Where links in mails lead, without a slash at the end." }),
  shopName: t.optional(t.text({ maxLength: 100, description: "How the shop signs; Isomer Shop unless said." })),
  sender: t.optional(t.text({ maxLength: 200, description: "From whom mails are; shop@example.com unless said." })),
  locale: t.optional(t.oneOf(["en", "de"], { description: "For whom nothing else is known; en unless said." })),
  accountUrl: t.optional(
    t.text({
      description:
        "Pages `/verify-email` and `/reset-password` of a shop front that take `?token=`. Without them, mails show the code.",
    }),
  ),
  openMailbox: t.optional(t.boolean({ description: "Lets anybody read everybody's mail. For demos and tests only." })),
  attemptsMax: t.optional(
    t.integer({ minimum: 1, maximum: 50, description: "Tries before a message is given up; 8 unless said." }),
  ),
  keepDays: t.optional(
    t.integer({ minimum: 1, maximum: 3_650, description: "How long messages are kept; 90 unless said." }),
  ),
});
/** The settings of notifications. */
export type Settings = TypeOf<typeof Settings>;

/** How the shop signs. */
export const shopNameOf = ({ shopName = "Isomer Shop" }: Settings): string => shopName;
/** From whom mails are. */
export const senderOf = (settings: Settings): string =>
  settings.sender ?? `${shopNameOf(settings).replaceAll(/["<>\r\n]/g, "")} <shop@example.com>`;
