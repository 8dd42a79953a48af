/** The bank's 3-D Secure page: plain HTML without scripts, for the customer's browser. */
import { format } from "../shared/mod.ts";
import type { StoredIntent } from "./domain.ts";

const STYLE = `
  :root { color-scheme: light dark; --ink: #1b2430; --soft: #66707d; --card: #fff; --page: #eef1f5; --line: #dfe4ea; --go: #13653f; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8ecf1; --soft: #9aa5b1; --card: #1c232c; --page: #11161c; --line: #2e3742; --go: #2fa36b; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--ink);
    font: 16px/1.5 system-ui, sans-serif; padding: 1rem; }
  main { width: min(26rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 14px;
    padding: 2rem; box-shadow: 0 12px 40px rgb(0 0 0 / .08); }
  .bank { color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase; margin: 0 0 1.5rem; }
  h1 { font-size: 1.35rem; margin: 0 0 .5rem; }
  .amount { font-size: 2.1rem; font-weight: 650; margin: 1rem 0; font-variant-numeric: tabular-nums; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 0 0 1.75rem; font-size: .9rem; }
  dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
  .buttons { display: grid; gap: .6rem; }
  button, a.button { display: block; width: 100%; padding: .8rem; border-radius: 10px; border: 1px solid var(--line); font: inherit;
    font-weight: 600; background: transparent; color: inherit; cursor: pointer; text-align: center; text-decoration: none; }
  button.go, a.button { background: var(--go); border-color: var(--go); color: #fff; }
  button:focus-visible, a:focus-visible { outline: 3px solid color-mix(in srgb, var(--go) 50%, transparent); outline-offset: 2px; }
  p.note { color: var(--soft); font-size: .8rem; margin: 1.5rem 0 0; }`;

/** The page that asks, or says what was answered. */
export function challengePage(intent: StoredIntent): string {
  const { id, metadata } = intent;
  const amount = escape(format({ amount: intent.amount, currency: intent.currency }));
  const rows = [
    ["Shop", "Isomer demo shop"],
    ["Order", metadata.orderId ?? "none"],
    ["Reference", id],
  ]
    .map(([name, value]) => `<dt>${name}</dt><dd>${escape(value ?? "")}</dd>`)
    .join("");
  const details = `<p class="amount">${amount}</p><dl>${rows}</dl>`;
  if (intent.status !== "requires_action") return page(answered(intent) + details + goBack(intent));
  const form = (outcome: string, label: string, style: string): string =>
    `<form method="post" action="/sandbox/pay/3ds/${escape(encodeURIComponent(id))}/${outcome}"><button class="${style}">${label}</button></form>`;
  return page(
    `<h1>Approve this payment?</h1>${details}<div class="buttons">${form("approve", "Approve", "go")}${form("fail", "Refuse", "")}</div>`,
  );
}

function answered({ status, authorized, errorCode }: StoredIntent): string {
  if (authorized > 0) return "<h1>Payment approved</h1><p>You can go back to the shop.</p>";
  if (status === "canceled") return "<h1>Payment called off</h1><p>The shop does not wait for it any more.</p>";
  return errorCode === undefined
    ? "<h1>Nothing to approve</h1>"
    : "<h1>Payment refused</h1><p>Nothing was charged.</p>";
}

/** Only to web addresses: what a shop passes as its return address could be a script. */
function goBack({ returnUrl }: StoredIntent): string {
  if (returnUrl === undefined || !/^https?:\/\//i.test(returnUrl)) return "";
  return `<a class="button" href="${escape(returnUrl)}">Back to the shop</a>`;
}

function page(content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox Bank: approve a payment</title><style>${STYLE}</style></head>
<body><main><p class="bank">Sandbox Bank · 3-D Secure</p>${content}
<p class="note">This is a test page. No money moves.</p></main></body></html>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
