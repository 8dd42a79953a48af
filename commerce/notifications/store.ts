/** The tables of notifications, and the statements over them. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  recipient: {
    user_id: string;
    email: string | null;
    phone: string;
    locale: string | null;
    email_updates: number;
    sms_updates: number;
  };
  contact: {
    order_id: string;
    subject: string;
    order_number: string;
    email: string;
    phone: string;
    locale: string;
  };
  message: {
    message_id: string;
    event_id: string;
    template: string;
    version: number;
    channel: string;
    recipient: string;
    user_id: string | null;
    locale: string;
    subject: string;
    body_text: string;
    body_html: string | null;
    link_id: string | null;
    status: string;
    attempts: number;
    next_at: number;
    claimed_at: number | null;
    sent_at: number | null;
    error: string | null;
    created_at: number;
  };
  suppression: { recipient: string; reason: string; at: number };
}

const sql = statements<Tables>();

/** What is known of somebody. */
export const recipientById = sql((db, p: { userId: string }) =>
  db.selectFrom("recipient").selectAll().where("user_id", "=", p.userId),
);

/** Keeps what is known of somebody. */
export const putRecipient = sql((db, p: Tables["recipient"]) =>
  db
    .insertInto("recipient")
    .values(p)
    .onConflict((conflict) =>
      conflict.column("user_id").doUpdateSet((eb) => ({
        email: eb.ref("excluded.email"),
        phone: eb.ref("excluded.phone"),
        locale: eb.ref("excluded.locale"),
        email_updates: eb.ref("excluded.email_updates"),
        sms_updates: eb.ref("excluded.sms_updates"),
      })),
    ),
);

/** Forgets somebody. */
export const dropRecipient = sql((db, p: { userId: string }) =>
  db.deleteFrom("recipient").where("user_id", "=", p.userId),
);

/** Whom an order concerns. */
export const contactOf = sql((db, p: { orderId: string }) =>
  db.selectFrom("contact").selectAll().where("order_id", "=", p.orderId),
);

/** Notes whom an order concerns. */
export const addContact = sql((db, p: Tables["contact"]) =>
  db
    .insertInto("contact")
    .values(p)
    .onConflict((conflict) => conflict.column("order_id").doNothing()),
);

/** Forgets whom somebody's orders concern; that there are orders stays known. */
export const emptyContacts = sql((db, p: { subject: string }) =>
  db.updateTable("contact").set({ email: "", phone: "" }).where("subject", "=", p.subject),
);

/** A message, unless this was told to this recipient before. */
export const addMessage = sql((db, p: Tables["message"]) =>
  db
    .insertInto("message")
    .values(p)
    .onConflict((conflict) => conflict.columns(["event_id", "template", "recipient"]).doNothing()),
);

/** A message. */
export const messageById = sql((db, p: { messageId: string }) =>
  db.selectFrom("message").selectAll().where("message_id", "=", p.messageId),
);

/** Messages that are due, oldest first. */
export const dueMessages = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("message")
    .selectAll()
    .where("status", "=", "queued")
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .limit(p.limit),
);

/** Messages that were claimed before a moment, and of which nobody noted what became of them. */
export const lostMessages = sql((db, p: { before: number; limit: number }) =>
  db
    .selectFrom("message")
    .selectAll()
    .where("status", "=", "sending")
    .where("claimed_at", "<", p.before)
    .limit(p.limit),
);

/** Claims a message that is queued: whoever changed the row sends it, and nobody else. */
export const claimMessage = sql((db, p: { messageId: string; now: number }) =>
  db
    .updateTable("message")
    .set((eb) => ({ status: "sending", claimed_at: p.now, attempts: eb("attempts", "+", 1) }))
    .where("message_id", "=", p.messageId)
    .where("status", "=", "queued"),
);

/** Notes what became of a message. */
export const setOutcome = sql(
  (db, p: { messageId: string; status: string; nextAt: number; sentAt: number | null; error: string | null }) =>
    db
      .updateTable("message")
      .set({ status: p.status, next_at: p.nextAt, sent_at: p.sentAt, error: p.error })
      .where("message_id", "=", p.messageId),
);

/** Queues a message anew. */
export const requeue = sql((db, p: { messageId: string; now: number }) =>
  db
    .updateTable("message")
    .set({ status: "queued", attempts: 0, next_at: p.now, error: null })
    .where("message_id", "=", p.messageId),
);

/** Forgets what somebody was told. */
export const dropMessagesOf = sql((db, p: { userId: string }) =>
  db.deleteFrom("message").where("user_id", "=", p.userId),
);

/** Forgets messages from before a moment. */
export const pruneMessages = sql((db, p: { before: number }) =>
  db.deleteFrom("message").where("created_at", "<", p.before),
);

/** Messages, newest first. */
export const messagesBefore = sql((db, p: { before: string; limit: number }) =>
  db.selectFrom("message").selectAll().where("message_id", "<", p.before).orderBy("message_id", "desc").limit(p.limit),
);

/** Messages to one recipient, newest first. */
export const messagesTo = sql((db, p: { recipient: string; before: string; limit: number }) =>
  db
    .selectFrom("message")
    .selectAll()
    .where("recipient", "=", p.recipient)
    .where("message_id", "<", p.before)
    .orderBy("message_id", "desc")
    .limit(p.limit),
);

/** Whether an address is suppressed. */
export const suppressionOf = sql((db, p: { recipient: string }) =>
  db.selectFrom("suppression").selectAll().where("recipient", "=", p.recipient),
);

/** Suppresses an address. */
export const addSuppression = sql((db, p: Tables["suppression"]) =>
  db
    .insertInto("suppression")
    .values(p)
    .onConflict((conflict) =>
      conflict.column("recipient").doUpdateSet((eb) => ({ reason: eb.ref("excluded.reason") })),
    ),
);

/** Lifts a suppression. */
export const dropSuppression = sql((db, p: { recipient: string }) =>
  db.deleteFrom("suppression").where("recipient", "=", p.recipient),
);

/** Suppressed addresses, by name. */
export const suppressionsAfter = sql((db, p: { after: string; limit: number }) =>
  db.selectFrom("suppression").selectAll().where("recipient", ">", p.after).orderBy("recipient").limit(p.limit),
);
