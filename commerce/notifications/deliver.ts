/**
 * Sends messages, each at most once after it was claimed.
 *
 * Across a crash: a message is claimed in one transaction, sent, and its outcome noted in another. A crash between
 * them leaves it `sending`, and nobody knows whether it went out; after a while it becomes `unknown` and waits for a
 * person. A failure that certainly sent nothing queues it again, with backoff.
 */
import { type JobContext, MailRefused, MailUnavailable, type Tx } from "@isomer/kernel/runtime";
import { isFault } from "@isomer/kernel/std";
import { auth } from "../auth/contract.ts";
import { notifications } from "./contract.ts";
import { type Settings, senderOf } from "./settings.ts";
import { type Tables, claimMessage, dueMessages, lostMessages, setOutcome, suppressionOf } from "./store.ts";
import { LINK_TOKEN } from "./templates.ts";

/** What the job has. */
export type DeliveryContext = JobContext<Tables, "auth", Settings>;
type Message = Tables["message"];

const BATCH = 20;
/** The pauses double from five seconds to an hour. */
const FIRST_PAUSE_MS = 5_000;
const PAUSE_MAX_MS = 3_600_000;
const ATTEMPTS_MAX = 8;
/** Longer than a run of the job can take. */
const LOST_AFTER_MS = 600_000;

/** What became of a message. */
export interface Outcome {
  readonly status: "sent" | "queued" | "suppressed" | "unknown" | "dead";
  readonly error?: string;
}

/** One run of the job. */
export async function deliver(ctx: DeliveryContext): Promise<boolean> {
  await giveUpLost(ctx);
  const due = await ctx.read((db) => db.all(dueMessages, { now: ctx.now(), limit: BATCH }));
  if (due.length === 0) return false;
  const mine = await ctx.transaction((tx) => claim(tx, due, ctx));
  const outcomes: (readonly [Message, Outcome])[] = [];
  for (const message of mine) outcomes.push([message, await send(message, ctx)]);
  await ctx.transaction(async (tx) => {
    for (const [message, outcome] of outcomes) await note(tx, message, outcome, ctx);
  });
  return due.length === BATCH;
}

/** Claims what is still to be claimed. What needs no sending, because nothing leaves the house, is done here. */
async function claim(tx: Tx<Tables>, due: readonly Message[], ctx: DeliveryContext): Promise<Message[]> {
  const mine: Message[] = [];
  for (const message of due) {
    if ((await tx.run(claimMessage, { messageId: message.message_id, now: ctx.now() })) === 0) continue;
    const claimed = { ...message, attempts: message.attempts + 1 };
    const suppression = await tx.first(suppressionOf, { recipient: message.recipient });
    if (suppression !== undefined) await note(tx, claimed, { status: "suppressed", error: suppression.reason }, ctx);
    else if (ctx.mail === undefined || message.channel !== "email") await note(tx, claimed, { status: "sent" }, ctx);
    else mine.push(claimed);
  }
  return mine;
}

/** Sends one mail. Never rejects: what failed is an outcome. */
async function send(message: Message, ctx: DeliveryContext): Promise<Outcome> {
  let token: string | undefined;
  if (message.link_id !== null) {
    const answer = await ctx.attempt(auth.linkToken({ linkId: message.link_id }));
    if (!answer.ok) {
      // A link that is used or expired helps nobody; that auth does not answer passes.
      const status = answer.fault.kind === "denied" ? "dead" : "queued";
      return { status, error: answer.fault.message };
    }
    token = answer.value.token;
  }
  const filled = (text: string): string => (token === undefined ? text : text.replaceAll(LINK_TOKEN, token));
  try {
    await ctx.mail?.send({
      id: `${message.message_id}@isomer`,
      from: senderOf(ctx.settings),
      to: message.recipient,
      subject: message.subject,
      text: filled(message.body_text),
      ...(message.body_html === null ? {} : { html: filled(message.body_html) }),
    });
    return { status: "sent" };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** Only what certainly was not sent may be sent again. */
export function outcomeOf(error: unknown): Outcome {
  const detail = error instanceof Error ? error.message.slice(0, 300) : "failed";
  if (isFault(error) && MailUnavailable.is(error)) return { status: "queued", error: detail };
  if (isFault(error) && MailRefused.is(error)) return { status: "dead", error: detail };
  return { status: "unknown", error: detail };
}

/** How long the next try waits, in milliseconds. */
export function pauseAfter(attempts: number): number {
  return Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 30));
}

async function note(tx: Tx<Tables>, message: Message, outcome: Outcome, ctx: DeliveryContext): Promise<void> {
  const { message_id: messageId, attempts, channel, template, version } = message;
  const isSpent = outcome.status === "queued" && attempts >= (ctx.settings.attemptsMax ?? ATTEMPTS_MAX);
  const status = isSpent ? "dead" : outcome.status;
  await tx.run(setOutcome, {
    messageId,
    status,
    nextAt: status === "queued" ? ctx.now() + pauseAfter(attempts) : 0,
    sentAt: status === "sent" ? ctx.now() : null,
    error: outcome.error ?? null,
  });
  const moved = { messageId, channel: channel as "email" | "sms", template: `${template}@${version}` };
  if (status === "sent") await tx.emit(notifications.events.messageSent, moved);
  if (status === "dead" || status === "unknown") {
    ctx.log.warn("a message was given up", { messageId, template, status, error: outcome.error });
    await tx.emit(notifications.events.messageFailed, { ...moved, status, error: (outcome.error ?? "").slice(0, 300) });
  }
}

async function giveUpLost(ctx: DeliveryContext): Promise<void> {
  const before = ctx.now() - LOST_AFTER_MS;
  const lost = await ctx.read((db) => db.all(lostMessages, { before, limit: BATCH }));
  if (lost.length === 0) return;
  await ctx.transaction(async (tx) => {
    for (const message of lost) {
      await note(tx, message, { status: "unknown", error: "the host stopped while the message was on its way" }, ctx);
    }
  });
}
