/** The mailbox as a page: plain HTML without scripts. Mails are shown in frames that can do nothing. */
import { escapeHtml } from "./blocks.ts";
import type { MailboxItem } from "./contract.ts";

const STYLE = `
  :root { color-scheme: light dark; --ink: #17202b; --soft: #66707d; --page: #eef1f5; --card: #fff; --line: #dde3ea; --mark: #0b6b5d; --tint: #e4f2ef; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8ecf1; --soft: #98a4b1; --page: #0f141a; --card: #181f27; --line: #2b343f; --mark: #4cc3ad; --tint: #14302c; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; height: 100vh; display: grid; grid-template: auto minmax(0, 1fr) / minmax(17rem, 24rem) minmax(0, 1fr);
    background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
  header { grid-column: 1 / -1; display: flex; gap: .75rem; align-items: baseline; padding: .9rem 1.25rem; background: var(--card); border-bottom: 1px solid var(--line); }
  header h1 { font-size: 1.05rem; margin: 0; } header p { margin: 0; color: var(--soft); font-size: .85rem; } header a { margin-left: auto; }
  a { color: var(--mark); } a:focus-visible { outline: 2px solid var(--mark); outline-offset: -2px; }
  nav { overflow-y: auto; background: var(--card); border-right: 1px solid var(--line); }
  nav ol { list-style: none; margin: 0; padding: 0; }
  nav a { display: grid; grid-template-columns: 1fr auto; gap: 0 .75rem; padding: .8rem 1.25rem; border-bottom: 1px solid var(--line); color: inherit; text-decoration: none; }
  nav a:hover { background: var(--page); } nav a[aria-current] { background: var(--tint); box-shadow: inset 3px 0 var(--mark); }
  nav b { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  nav span { color: var(--soft); font-size: .82rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } nav time { color: var(--soft); font-size: .82rem; }
  main { display: flex; flex-direction: column; min-width: 0; padding: 1.25rem; gap: 1rem; overflow-y: auto; }
  main h2 { margin: 0; font-size: 1.3rem; overflow-wrap: anywhere; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem .9rem; margin: 0; font-size: .88rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
  iframe { flex: 1 0 34rem; width: 100%; border: 1px solid var(--line); border-radius: 12px; background: #f2f4f7; }
  @media (prefers-color-scheme: dark) { iframe { background: #11161c; } }
  pre { margin: 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace; }
  .sms { max-width: 26rem; padding: .8rem 1.1rem; border-radius: 18px 18px 18px 4px; background: var(--tint); overflow-wrap: anywhere; }
  .tag { display: inline-block; padding: 0 .5rem; border-radius: 99px; border: 1px solid var(--line); font-size: .75rem; color: var(--soft); }
  .empty { margin: auto; color: var(--soft); text-align: center; max-width: 26rem; }
  details summary { cursor: pointer; color: var(--soft); } details pre { margin-top: .5rem; }
  @media (max-width: 46rem) {
    body { display: block; height: auto; } nav { border-right: 0; max-height: 40vh; } iframe { min-height: 36rem; }
  }`;

/** What the page shows. */
export interface MailboxView {
  readonly items: readonly MailboxItem[];
  readonly open: MailboxItem | undefined;
  /** The filter, kept in links. */
  readonly to: string | undefined;
}

/** The page. While nothing is open it looks for new mail every few seconds. */
export function mailboxPage({ items, open, to }: MailboxView): string {
  const refresh = open === undefined ? '<meta http-equiv="refresh" content="4">' : "";
  const list = items.map((item) => entry(item, item.messageId === open?.messageId, to)).join("");
  const shown = open === undefined ? empty(items.length) : message(open);
  const filter = to === undefined ? "Everything that the shop sent, by mail and text." : `Sent to ${escapeHtml(to)}.`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>Mailbox</title><style>${STYLE}</style></head>
<body><header><h1>Mailbox</h1><p>${filter}</p><a href="/mailbox">${to === undefined ? "Newest" : "Show all"}</a></header>
<nav aria-label="Messages"><ol>${list}</ol></nav><main>${shown}</main></body></html>`;
}

function entry(
  { messageId, channel, to: recipient, subject, text, at }: MailboxItem,
  isOpen: boolean,
  to: string | undefined,
): string {
  const filter = to === undefined ? "" : `&amp;to=${encodeURIComponent(to)}`;
  const title = channel === "sms" ? text : subject;
  return `<li><a href="/mailbox?message=${encodeURIComponent(messageId)}${filter}"${isOpen ? ' aria-current="true"' : ""}>
<b>${escapeHtml(title)}</b><time datetime="${escapeHtml(at)}">${escapeHtml(at.slice(11, 19))}</time>
<span>${escapeHtml(recipient)}</span>${channel === "sms" ? '<span class="tag">text</span>' : ""}</a></li>`;
}

function message(item: MailboxItem): string {
  const { channel, to, subject, text, html, template, status, at } = item;
  const facts = [
    ["To", `<a href="/mailbox?to=${encodeURIComponent(to)}">${escapeHtml(to)}</a>`],
    ["Sent", escapeHtml(at.replace("T", " ").slice(0, 19))],
    ["Template", escapeHtml(template)],
    ["Status", escapeHtml(status)],
  ]
    .map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`)
    .join("");
  const head = `<h2>${escapeHtml(channel === "sms" ? "Text message" : subject)}</h2><dl>${facts}</dl>`;
  if (channel === "sms") return `${head}<p class="sms">${escapeHtml(text)}</p>`;
  const plain = `<pre>${escapeHtml(text)}</pre>`;
  if (html === undefined) return head + plain;
  // No allowance in `sandbox`: no scripts, no forms, no navigation of this page.
  const frame = `<iframe sandbox title="The mail" srcdoc="${escapeHtml(html)}"></iframe>`;
  return `${head}${frame}<details><summary>As text</summary>${plain}</details>`;
}

function empty(count: number): string {
  return count === 0
    ? '<p class="empty">Nothing was sent yet. Sign up or place an order, and the mails appear here.</p>'
    : '<p class="empty">Choose a message. New ones appear by themselves.</p>';
}
