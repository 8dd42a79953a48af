/** What is shown of messages. Pure. */
import { toInstant } from "@isomer/kernel/std";
import type { OutputOf } from "@isomer/kernel/contract";
import type { MailboxItem, notifications } from "./contract.ts";
import type { Tables } from "./store.ts";
import { LINK_TOKEN } from "./templates.ts";

type Message = Tables["message"];
type Summary = OutputOf<(typeof notifications)["queries"]["messages"]>["items"][number];
type Status = Summary["status"];
type Channel = Summary["channel"];

/** A message without what it says. */
export function summaryOf(row: Message): Summary {
  return {
    messageId: row.message_id,
    channel: row.channel as Channel,
    template: `${row.template}@${row.version}`,
    locale: row.locale,
    recipient: row.recipient,
    status: row.status as Status,
    attempts: row.attempts,
    ...(row.error === null ? {} : { error: row.error.slice(0, 300) }),
    createdAt: toInstant(row.created_at),
    ...(row.sent_at === null ? {} : { sentAt: toInstant(row.sent_at) }),
  };
}

/** A message as its reader sees it, with the secret of its link, or what stands in its place. */
export function mailboxItem(row: Message, token: string): MailboxItem {
  const filled = (text: string): string => text.replaceAll(LINK_TOKEN, token);
  return {
    messageId: row.message_id,
    channel: row.channel as Channel,
    template: `${row.template}@${row.version}`,
    to: row.recipient,
    subject: row.subject,
    text: filled(row.body_text),
    ...(row.body_html === null ? {} : { html: filled(row.body_html) }),
    status: row.status as Status,
    at: toInstant(row.created_at),
  };
}
