/** notifications: what people are told by mail and text, each thing once. */
import { anyone, command, contract, event, fault, http, permission, query } from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { pageFields, pageOf } from "../shared/mod.ts";

/** How somebody is reached. */
export const CHANNELS = ["email", "sms"] as const;

/**
 * Where a message stands. `sending` was claimed and goes out at most once; `unknown` was claimed, and nobody knows
 * whether it went out, so it does not go again by itself.
 */
export const MESSAGE_STATUSES = ["queued", "sending", "sent", "suppressed", "unknown", "dead"] as const;

const MessageId = t.id();
const Recipient = t.text({
  minLength: 3,
  maxLength: 254,
  pattern: "^\\S.*\\S$",
  description: "An email address or a telephone number.",
});
/** Whom a message is for: as whoever ordered typed it, so it may be anything. */
const Reached = t.text({ maxLength: 254 });

/** A message without what it says: what it says is between the shop and its reader. */
export const MessageSummary = t.object({
  messageId: MessageId,
  channel: t.oneOf(CHANNELS),
  template: t.text({ description: "Name and version, `order-placed@1`." }),
  locale: t.text(),
  recipient: Reached,
  status: t.oneOf(MESSAGE_STATUSES),
  attempts: t.integer(),
  error: t.optional(t.text({ maxLength: 300 })),
  createdAt: t.instant(),
  sentAt: t.optional(t.instant()),
});

/** A message as its reader sees it. */
export const MailboxItem = t.object({
  messageId: MessageId,
  channel: t.oneOf(CHANNELS),
  template: t.text(),
  to: Reached,
  subject: t.text({ maxLength: 300 }),
  text: t.text({ maxLength: 100_000 }),
  html: t.optional(t.text({ maxLength: 300_000 })),
  status: t.oneOf(MESSAGE_STATUSES),
  at: t.instant(),
});
/** A message as its reader sees it. */
export type MailboxItem = TypeOf<typeof MailboxItem>;

/** No such message. */
export const NoMessage = fault("notifications/no-message", {
  kind: "missing",
  data: t.object({}),
  message: () => "There is no such message.",
});

/** The message is not at its end, or has arrived. */
export const NotStuck = fault("notifications/not-stuck", {
  kind: "conflict",
  data: t.object({ status: t.oneOf(MESSAGE_STATUSES) }),
  message: ({ status }) =>
    `The message is ${status}. Only messages that are dead, unknown or suppressed can be sent again.`,
});

/** The mailbox is for demos and tests; here it is closed. */
export const MailboxClosed = fault("notifications/mailbox-closed", {
  kind: "missing",
  data: t.object({}),
  message: () => "There is no mailbox here: mails go to their readers.",
});

const read = permission("notifications.read");
const manage = permission("notifications.manage");
const moved = t.object({ messageId: MessageId, channel: t.oneOf(CHANNELS), template: t.text() });

export const notifications = contract("notifications", {
  version: "1.0.0",
  summary: "Mails and texts, and where they stand.",
  permissions: {
    "notifications.read": "See which messages were sent to whom.",
    "notifications.manage": "Send stuck messages again, and suppress addresses.",
  },
  commands: {
    /** One whose outcome is unknown may reach its reader twice: a person decides that, never the shop. */
    resend: command({
      summary: "Send a stuck message again",
      input: t.object({ messageId: MessageId }),
      output: t.object({ messageId: MessageId, status: t.oneOf(MESSAGE_STATUSES) }),
      faults: [NoMessage, NotStuck],
      allow: [manage],
      http: http("POST /v1/messages/:messageId/resend"),
    }),
    suppress: command({
      summary: "Send nothing to an address any more",
      input: t.object({ recipient: Recipient, reason: t.text({ minLength: 1, maxLength: 200 }) }),
      output: t.object({ recipient: Reached }),
      allow: [manage],
      http: http("POST /v1/suppressions", { status: 201 }),
    }),
    unsuppress: command({
      summary: "Send to an address again",
      input: t.object({ recipient: Recipient }),
      output: t.object({}),
      allow: [manage],
      http: http("DELETE /v1/suppressions/:recipient"),
    }),
  },
  queries: {
    messages: query({
      summary: "List messages",
      input: t.object({
        status: t.optional(t.oneOf(MESSAGE_STATUSES)),
        recipient: t.optional(Recipient),
        ...pageFields,
      }),
      output: pageOf(MessageSummary),
      allow: [read],
      http: http("GET /v1/messages"),
    }),
    suppressions: query({
      summary: "List suppressed addresses",
      input: t.object({ ...pageFields }),
      output: pageOf(t.object({ recipient: Reached, reason: t.text(), at: t.instant() })),
      allow: [read],
      http: http("GET /v1/suppressions"),
    }),
    /** For demos and tests: everybody's mail. Closed unless the settings open it. */
    mailbox: query({
      summary: "Mails and texts as their readers see them, newest first",
      input: t.object({ to: t.optional(Recipient), ...pageFields }),
      output: pageOf(MailboxItem),
      faults: [MailboxClosed],
      allow: [anyone],
      criticality: "sheddable",
      http: http("GET /v1/mailbox"),
    }),
    mailboxPage: query({
      summary: "The mailbox, for people",
      input: t.object({ message: t.optional(MessageId), to: t.optional(Recipient) }),
      output: t.object({ content: t.text({ maxLength: 2_000_000 }) }),
      faults: [MailboxClosed, NoMessage],
      allow: [anyone],
      criticality: "sheddable",
      http: http("GET /mailbox", { contentType: "text/html; charset=utf-8" }),
    }),
  },
  events: {
    messageSent: event({ key: "messageId", data: moved }),
    messageFailed: event({
      key: "messageId",
      data: t.object({ ...moved.properties, status: t.oneOf(["dead", "unknown"]), error: t.text({ maxLength: 300 }) }),
    }),
  },
});
