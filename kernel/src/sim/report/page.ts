/** The page about a failing run: one HTML file that needs nothing else. */
import type { Diagram, DiagramItem } from "./diagram.ts";

/** What the page tells. */
export interface Page {
  readonly title: string;
  readonly property: string;
  readonly what: string;
  /** What is known of the run, as name and text. */
  readonly facts: readonly (readonly [string, string])[];
  readonly faults: readonly string[];
  readonly commands: readonly string[];
  readonly diagram: Diagram;
  readonly mermaid: string;
  readonly story: readonly string[];
}

const TIME = 78;
const COLUMN = 168;
const ROW = 30;
const TOP = 10;
/** About how wide a letter of a label is. */
const LETTER = 6.4;

const STYLE = `
:root { color-scheme: light dark; --line: #8a94a3; --text: #1c2430; --soft: #66707e; --paper: #fff; --card: #f5f6f8;
  --ask: #22577a; --ok: #2f7d4f; --bad: #c02a2a; --fault: #b26a00; --faultpaper: #fff3dd; --badpaper: #fde7e7; }
@media (prefers-color-scheme: dark) { :root { --line: #6b7685; --text: #e4e8ee; --soft: #9aa5b3; --paper: #14181d;
  --card: #1d232a; --ask: #8ec5e8; --ok: #7fd19b; --bad: #ff8a80; --fault: #ffb74d; --faultpaper: #33260f;
  --badpaper: #3a1717; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 24px; background: var(--paper); color: var(--text); font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; } h2 { font-size: 15px; margin: 24px 0 8px; }
.wrong { background: var(--badpaper); border-left: 4px solid var(--bad); padding: 10px 14px; margin: 12px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 12px 0; }
dt { color: var(--soft); } dd { margin: 0; } ul { margin: 0; padding-left: 18px; }
pre, code { font: 12px/1.5 ui-monospace, monospace; }
pre { background: var(--card); padding: 10px 14px; overflow: auto; margin: 0; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: 6px; }
.heads { display: flex; position: sticky; top: 0; background: var(--card); border-bottom: 1px solid var(--line); z-index: 1; }
.heads div { flex: none; width: ${COLUMN}px; text-align: center; font-weight: 600; padding: 6px 4px; overflow: hidden;
  text-overflow: ellipsis; } .heads .t { width: ${TIME}px; color: var(--soft); font-weight: 400; }
svg { display: block; font: 11.5px ui-monospace, monospace; }
.life { stroke: var(--line); } .dead { stroke: var(--line); stroke-dasharray: 1 5; opacity: .6; }
.time { fill: var(--soft); } .label { fill: var(--text); paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.ask { stroke: var(--ask); } .answer { stroke: var(--ok); stroke-dasharray: 5 3; } .bad { stroke: var(--bad); }
.lost { stroke: var(--bad); stroke-dasharray: 4 4; } .fillask { fill: var(--ask); } .fillanswer { fill: var(--ok); }
.fillbad { fill: var(--bad); } .commit { fill: var(--ok); } .cross { stroke: var(--bad); stroke-width: 3; }
.start { fill: var(--paper); stroke: var(--ok); stroke-width: 2; } .other { fill: var(--soft); }
.bandfault { fill: var(--faultpaper); } .bandviolation { fill: var(--badpaper); }
.textfault { fill: var(--fault); } .textviolation { fill: var(--bad); font-weight: 700; }
.row:hover .hover { opacity: .07; } .hover { fill: var(--text); opacity: 0; }
`;

/** Writes the page. */
export function pageOf(page: Page): string {
  const { title, property, what, facts, faults, commands, diagram, mermaid, story } = page;
  const details = (name: string, text: string): string =>
    `<details><summary>${escaped(name)}</summary><pre>${escaped(text)}</pre></details>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(title)}</h1>
<div class="wrong"><strong>${escaped(property)}</strong><br>${escaped(what)}</div>
<dl>${facts.map(([name, text]) => `<dt>${escaped(name)}</dt><dd>${escaped(text)}</dd>`).join("")}</dl>
<h2>Faults</h2>
${faults.length === 0 ? "<p>None is needed.</p>" : `<ul>${faults.map((id) => `<li><code>${escaped(id)}</code></li>`).join("")}</ul>`}
<h2>Run it again</h2>
<pre>${commands.map(escaped).join("\n")}</pre>
<h2>What happened</h2>
${drawn(diagram)}
<h2>More</h2>
${details("The story", story.join("\n"))}
${details("The diagram for Mermaid", mermaid)}
</body></html>
`;
}

function drawn({ parties, items }: Diagram): string {
  const x = (name: string): number => TIME + parties.indexOf(name) * COLUMN + COLUMN / 2;
  const [width, height] = [TIME + parties.length * COLUMN + 260, TOP + items.length * ROW + ROW];
  const heads = parties.map((name) => `<div title="${escaped(name)}">${escaped(name)}</div>`).join("");
  const rows = items.map((item, index) => rowOf(item, TOP + index * ROW + ROW / 2, x, width)).join("\n");
  return `<div class="scroll"><div style="width:${width}px"><div class="heads"><div class="t">seconds</div>${heads}</div>
<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
${parties.map((name) => lifelineOf(name, items, x(name), height)).join("\n")}
${rows}
</svg></div></div>`;
}

// oxlint-disable-next-line max-params -- a party, what happens, and where it is drawn
function lifelineOf(name: string, items: readonly DiagramItem[], x: number, height: number): string {
  const parts: string[] = [];
  let [from, style] = [0, "life"];
  const until = (y: number, next: string): void => {
    parts.push(`<line class="${style}" x1="${x}" x2="${x}" y1="${from}" y2="${y}"/>`);
    [from, style] = [y, next];
  };
  for (const [index, item] of items.entries()) {
    if (item.kind !== "mark" || item.at !== name) continue;
    if (item.of === "crash") until(TOP + index * ROW + ROW / 2, "dead");
    if (item.of === "start") until(TOP + index * ROW + ROW / 2, "life");
  }
  until(height, "life");
  return parts.join("");
}

// oxlint-disable-next-line max-params -- what, and where it is drawn
function rowOf(item: DiagramItem, y: number, x: (name: string) => number, width: number): string {
  const time = `<text class="time" x="${TIME - 12}" y="${y + 4}" text-anchor="end">${item.time}</text>`;
  const hover = `<rect class="hover" x="0" y="${y - ROW / 2}" width="${width}" height="${ROW}"/>`;
  const body = item.kind === "band" || item.body === undefined ? "" : `<title>${escaped(readable(item.body))}</title>`;
  return `<g class="row">${body}${drawnItem(item, y, x, width)}${time}${hover}</g>`;
}

// oxlint-disable-next-line max-params -- what, and where it is drawn
function drawnItem(item: DiagramItem, y: number, x: (name: string) => number, width: number): string {
  if (item.kind === "band")
    return `<rect class="band${item.of}" x="0" y="${y - 11}" width="${width}" height="22"/>
<text class="text${item.of}" x="${TIME + 8}" y="${y + 4}">${item.of === "fault" ? "⚡" : "‼"} ${escaped(item.label)}</text>`;
  if (item.kind === "mark") {
    const at = x(item.at);
    const text = `<text class="label" x="${at + 12}" y="${y + 4}">${escaped(item.label)}</text>`;
    return `${signOf(item.of, at, y)}${text}`;
  }
  const [from, to] = [x(item.from), x(item.to)];
  const forward = to >= from ? 1 : -1;
  const end = item.isLost ? from + (to - from) * 0.7 : to;
  const style = item.isLost ? "lost" : item.isBad ? "bad" : item.isAnswer ? "answer" : "ask";
  const line = `<line class="${style}" stroke-width="1.6" x1="${from}" y1="${y + 5}" x2="${end}" y2="${y + 5}"/>`;
  const head = item.isLost
    ? cross(end, y + 5)
    : `<path class="fill${style}" d="M${end} ${y + 5} l${-9 * forward} -4 v8 z"/>`;
  // Longer labels begin at the left end, where they have room to the right.
  const fits = item.label.length * LETTER < Math.abs(to - from) - 12;
  const [at, anchor] = fits ? [(from + to) / 2, "middle"] : [Math.min(from, to) + 8, "start"];
  return `${line}${head}<text class="label" x="${at}" y="${y - 1}" text-anchor="${anchor}">${escaped(item.label)}</text>`;
}

function signOf(of: string, x: number, y: number): string {
  if (of === "crash") return cross(x, y);
  const style = of === "commit" || of === "start" ? of : "other";
  return `<circle class="${style}" cx="${x}" cy="${y}" r="${style === "other" ? 3.5 : 5}"/>`;
}

function cross(x: number, y: number): string {
  return `<path class="cross" d="M${x - 6} ${y - 6} l12 12 m0 -12 l-12 12"/>`;
}

/** A body, with its JSON in lines. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
