/** notifications, as it runs. */
import { type CommandContext, type Job, type QueryContext, implement } from "@isomer/kernel/runtime";
import { toInstant } from "@isomer/kernel/std";
import { auth } from "../auth/contract.ts";
import { PAGE_LIMIT, decodeCursor, normaliseEmail, pageFrom } from "../shared/mod.ts";
import { type MailboxItem, MailboxClosed, NoMessage, NotStuck, notifications } from "./contract.ts";
import { deliver } from "./deliver.ts";
import { subscriptions } from "./hearing.ts";
import { mailboxPage } from "./mailbox-page.ts";
import { Settings } from "./settings.ts";
import {
  type Tables,
  addSuppression,
  dropSuppression,
  messageById,
  messagesBefore,
  messagesTo,
  pruneMessages,
  requeue,
  suppressionsAfter,
} from "./store.ts";
import { mailboxItem, summaryOf } from "./views.ts";

type Reading = QueryContext<Tables, "auth", Settings>;
type Ctx = CommandContext<Tables, "auth", Settings>;
type Message = Tables["message"];

const DAY_MS = 86_400_000;
/** No message id sorts after it. */
const LAST = "~";
const STUCK: ReadonlySet<string> = new Set(["dead", "unknown", "suppressed"]);
const PAGE_ITEMS = 100;

interface ListInput {
  readonly to?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

async function newest({ to, cursor, limit = PAGE_LIMIT }: ListInput, ctx: Reading) {
  const [before] = cursor === undefined ? [LAST] : decodeCursor(cursor, ["string"]);
  const rows = await ctx.read((db) =>
    to === undefined
      ? db.all(messagesBefore, { before, limit: limit + 1 })
      : db.all(messagesTo, { recipient: normaliseEmail(to), before, limit: limit + 1 }),
  );
  return pageFrom(rows, limit, (row) => [row.message_id]);
}

/** Lists by status are for people who look after things: rare, so their statement is built for them. */
async function list(
  {
    status,
    recipient,
    cursor,
    limit = PAGE_LIMIT,
  }: { status?: string; recipient?: string; cursor?: string; limit?: number },
  ctx: Reading,
) {
  if (status === undefined) {
    const page = await newest(
      { limit, ...(recipient === undefined ? {} : { to: recipient }), ...(cursor === undefined ? {} : { cursor }) },
      ctx,
    );
    return { ...page, items: page.items.map(summaryOf) };
  }
  const [before] = cursor === undefined ? [LAST] : decodeCursor(cursor, ["string"]);
  const rows = await ctx.read((db) =>
    db.query((kysely) => {
      const found = kysely
        .selectFrom("message")
        .selectAll()
        .where("status", "=", status)
        .where("message_id", "<", before);
      const narrowed = recipient === undefined ? found : found.where("recipient", "=", normaliseEmail(recipient));
      return narrowed.orderBy("message_id", "desc").limit(limit + 1);
    }),
  );
  const page = pageFrom(rows, limit, (row) => [row.message_id]);
  return { ...page, items: page.items.map(summaryOf) };
}

/** @throws {MailboxClosed} unless the settings open it: whoever reads everybody's mail can take everybody's account. */
function requireOpen({ settings }: Reading): void {
  if (settings.openMailbox !== true) throw MailboxClosed.with({});
}

async function shown(row: Message, ctx: Reading): Promise<MailboxItem> {
  if (row.link_id === null) return mailboxItem(row, "");
  const answer = await ctx.attempt(auth.linkToken({ linkId: row.link_id }));
  return mailboxItem(row, answer.ok ? answer.value.token : "used-or-expired");
}

async function mailbox(input: ListInput, ctx: Reading) {
  requireOpen(ctx);
  const page = await newest(input, ctx);
  return { ...page, items: await Promise.all(page.items.map((row) => shown(row, ctx))) };
}

async function page({ message, to }: { message?: string; to?: string }, ctx: Reading) {
  requireOpen(ctx);
  const { items } = await newest({ limit: PAGE_ITEMS, ...(to === undefined ? {} : { to }) }, ctx);
  const row = message === undefined ? undefined : await ctx.read((db) => db.first(messageById, { messageId: message }));
  if (message !== undefined && row === undefined) throw NoMessage.with({});
  const open = row === undefined ? undefined : await shown(row, ctx);
  return { content: mailboxPage({ items: items.map((item) => mailboxItem(item, "…")), open, to }) };
}

function resend({ messageId }: { messageId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const row = await tx.first(messageById, { messageId });
    if (row === undefined) throw NoMessage.with({});
    if (!STUCK.has(row.status)) throw NotStuck.with({ status: summaryOf(row).status });
    await tx.run(requeue, { messageId, now: ctx.now() });
    return { messageId, status: "queued" as const };
  });
}

const prune: Job<Tables, "auth", Settings> = {
  name: "prune",
  everyMs: 600_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      await tx.run(pruneMessages, { before: ctx.now() - (ctx.settings.keepDays ?? 90) * DAY_MS });
      return false;
    }),
};

export default implement<Tables>()(notifications, {
  uses: [auth],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  settings: Settings,
  commands: {
    resend,
    suppress: ({ recipient: given, reason }, ctx) =>
      ctx.transaction(async (tx) => {
        const recipient = normaliseEmail(given);
        await tx.run(addSuppression, { recipient, reason, at: ctx.now() });
        return { recipient };
      }),
    unsuppress: ({ recipient }, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.run(dropSuppression, { recipient: normaliseEmail(recipient) });
        return {};
      }),
  },
  queries: {
    messages: list,
    suppressions: async ({ cursor, limit = PAGE_LIMIT }, ctx) => {
      const [after] = cursor === undefined ? [""] : decodeCursor(cursor, ["string"]);
      const rows = await ctx.read((db) => db.all(suppressionsAfter, { after, limit: limit + 1 }));
      const found = pageFrom(rows, limit, (row) => [row.recipient]);
      return {
        ...found,
        items: found.items.map(({ recipient, reason, at }) => ({ recipient, reason, at: toInstant(at) })),
      };
    },
    mailbox,
    mailboxPage: page,
  },
  on: subscriptions,
  jobs: [{ name: "deliver", everyMs: 1_000, deadlineMs: 300_000, run: deliver }, prune],
});
