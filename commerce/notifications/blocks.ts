/**
 * Mails as blocks. A template says what a mail says; this says how it looks, as HTML and as text. Templates hold no
 * markup, so the one place where texts become HTML is here, and nothing gets there without being escaped.
 */

/** A part of a mail, in plain text. */
export type Block =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "button"; readonly label: string; readonly url: string }
  | { readonly kind: "code"; readonly label: string; readonly code: string }
  | {
      readonly kind: "lines";
      readonly rows: readonly { readonly title: string; readonly detail: string; readonly amount: string }[];
    }
  | {
      readonly kind: "sums";
      readonly rows: readonly { readonly label: string; readonly amount: string; readonly strong?: boolean }[];
    }
  | { readonly kind: "address"; readonly label: string; readonly lines: readonly string[] };

/** A mail before it is rendered. */
export interface MailContent {
  readonly subject: string;
  readonly heading: string;
  /** What mail programs show beside the subject. */
  readonly preview: string;
  readonly blocks: readonly Block[];
  readonly footer: string;
}

/** A mail as it is sent. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as HTML shows it, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** A text on one line: subjects become headers, where a line break would begin another one. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
    .slice(0, 300);
}

/** Renders a mail. */
export function renderMail(content: MailContent, shopName: string, locale: string): RenderedMail {
  return {
    subject: oneLine(content.subject),
    html: htmlOf(content, shopName, locale),
    text: textOf(content, shopName),
  };
}

const STYLE = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  body { margin: 0; padding: 24px 12px; background: #f2f4f7; color: #1b2430; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  .mail { max-width: 560px; margin: 0 auto; background: #ffffff; border: 1px solid #e1e6ec; border-radius: 14px; padding: 32px; }
  .shop { font-weight: 700; letter-spacing: .02em; color: #0b6b5d; margin: 0 0 24px; }
  h1 { font-size: 24px; line-height: 1.25; margin: 0 0 16px; }
  p { margin: 0 0 16px; overflow-wrap: anywhere; }
  .note, .footer, .detail, .label { color: #66707d; font-size: 14px; }
  .button { display: inline-block; background: #0b6b5d; color: #ffffff !important; text-decoration: none; font-weight: 600; padding: 12px 22px; border-radius: 10px; }
  .code { font: 15px/1.5 ui-monospace, Menlo, Consolas, monospace; background: #f2f4f7; border-radius: 8px; padding: 12px; overflow-wrap: anywhere; }
  table { width: 100%; border-collapse: collapse; margin: 0 0 16px; }
  td { padding: 8px 0; vertical-align: top; border-bottom: 1px solid #e1e6ec; }
  td.amount { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-left: 16px; }
  table.sums td { border: 0; padding: 3px 0; }
  tr.strong td { font-weight: 700; font-size: 18px; padding-top: 8px; }
  .footer { max-width: 560px; margin: 16px auto 0; text-align: center; }
  .preview { display: none; max-height: 0; overflow: hidden; }
  @media (prefers-color-scheme: dark) {
    body { background: #11161c; color: #e8ecf1; }
    .mail { background: #1a212a; border-color: #2e3742; }
    .shop { color: #4cc3ad; } .note, .footer, .detail, .label { color: #9aa5b1; }
    .code { background: #11161c; } td { border-color: #2e3742; }
  }`;

function htmlOf({ subject, heading, preview, blocks, footer }: MailContent, shopName: string, locale: string): string {
  return `<!doctype html>
<html lang="${escapeHtml(locale)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(oneLine(subject))}</title><style>${STYLE}</style></head>
<body><div class="preview">${escapeHtml(preview)}</div>
<div class="mail"><p class="shop">${escapeHtml(shopName)}</p><h1>${escapeHtml(heading)}</h1>
${blocks.map(blockHtml).join("\n")}
</div><p class="footer">${escapeHtml(footer)}</p></body></html>`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "text":
      return `<p>${escapeHtml(block.text)}</p>`;
    case "note":
      return `<p class="note">${escapeHtml(block.text)}</p>`;
    case "button":
      return `<p><a class="button" href="${escapeHtml(webAddress(block.url))}">${escapeHtml(block.label)}</a></p>`;
    case "code":
      return `<p class="label">${escapeHtml(block.label)}</p><p class="code">${escapeHtml(block.code)}</p>`;
    case "lines":
      return `<table>${block.rows.map(lineHtml).join("")}</table>`;
    case "sums":
      return `<table class="sums">${block.rows.map(sumHtml).join("")}</table>`;
    case "address":
      return `<p class="label">${escapeHtml(block.label)}</p><p>${block.lines.map(escapeHtml).join("<br>")}</p>`;
  }
}

type LineRow = Extract<Block, { kind: "lines" }>["rows"][number];
type SumRow = Extract<Block, { kind: "sums" }>["rows"][number];

function lineHtml({ title, detail, amount }: LineRow): string {
  const more = detail === "" ? "" : `<br><span class="detail">${escapeHtml(detail)}</span>`;
  return `<tr><td>${escapeHtml(title)}${more}</td><td class="amount">${escapeHtml(amount)}</td></tr>`;
}

function sumHtml({ label, amount, strong }: SumRow): string {
  return `<tr${strong === true ? ' class="strong"' : ""}><td>${escapeHtml(label)}</td><td class="amount">${escapeHtml(amount)}</td></tr>`;
}

/** Links lead to the web: another scheme could be a script. */
function webAddress(url: string): string {
  return /^https?:\/\//i.test(url) ? url : "#";
}

function textOf({ heading, blocks, footer }: MailContent, shopName: string): string {
  const parts = blocks.map(blockText);
  return [shopName, heading, ...parts, `-- \n${footer}`].join("\n\n");
}

function blockText(block: Block): string {
  switch (block.kind) {
    case "text":
    case "note":
      return block.text;
    case "button":
      return `${block.label}:\n${block.url}`;
    case "code":
      return `${block.label}\n\n    ${block.code}`;
    case "lines":
      return block.rows
        .map(({ title, detail, amount }) => `${title}${detail === "" ? "" : ` (${detail})`}: ${amount}`)
        .join("\n");
    case "sums":
      return block.rows.map(({ label, amount }) => `${label}: ${amount}`).join("\n");
    case "address":
      return `${block.label}\n${block.lines.join("\n")}`;
  }
}
