/** The style of the API page, in light and dark. */
export const PAGE_STYLE = `
:root {
  --bg: #fbfbfd; --panel: #fff; --sunk: #f3f4f8; --line: #e3e5ec; --text: #1d2130; --quiet: #656b7d;
  --accent: #4059d6; --accent-soft: #e9ecfc; --good: #12805c; --bad: #b8322f; --warn: #8a5a00;
  --get: #1f6fc4; --post: #12805c; --put: #8a5a00; --patch: #7a4fc0; --delete: #b8322f;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  --shadow: 0 1px 2px rgb(20 24 40 / .06), 0 4px 16px rgb(20 24 40 / .04);
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #12141b; --panel: #191c25; --sunk: #20242f; --line: #2d3240; --text: #e4e7f0; --quiet: #98a0b4;
    --accent: #8fa2ff; --accent-soft: #262c48; --good: #4cc79a; --bad: #f08080; --warn: #e0b252;
    --get: #6fb2f5; --post: #4cc79a; --put: #e0b252; --patch: #b79af0; --delete: #f08080;
    --shadow: 0 1px 2px rgb(0 0 0 / .4);
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 72px; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .mono { font-family: var(--mono); font-size: 13px; }
input, textarea, select, button { font: inherit; color: inherit; }
input, textarea, select {
  background: var(--panel); border: 1px solid var(--line); border-radius: 7px; padding: 6px 10px; min-width: 0; width: 100%;
}
input::placeholder { color: var(--quiet); opacity: .7; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button { background: var(--panel); border: 1px solid var(--line); border-radius: 7px; padding: 6px 14px; cursor: pointer; }
button:hover { border-color: var(--accent); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--panel); font-weight: 600; }
button.main:disabled { opacity: .6; cursor: default; }
.quiet { color: var(--quiet); }
.top {
  position: sticky; top: 0; z-index: 2; display: flex; align-items: center; gap: 20px; height: 56px; padding: 0 20px;
  background: color-mix(in srgb, var(--panel) 92%, transparent); backdrop-filter: blur(8px); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: 10px; font-weight: 650; color: var(--text); white-space: nowrap; }
.brand:hover { text-decoration: none; }
.brand #version { font: 12px var(--mono); color: var(--quiet); }
.mark { width: 26px; height: 16px; background: radial-gradient(circle 8px at 8px 8px, #4f6bed 98%, transparent), radial-gradient(circle 8px at 18px 8px, #12a594 98%, transparent); }
.credentials { margin-left: auto; display: flex; gap: 14px; }
.credentials label { display: flex; align-items: center; gap: 8px; font-size: 12.5px; color: var(--quiet); white-space: nowrap; }
.credentials input { width: 150px; padding: 4px 8px; font: 12.5px var(--mono); color: var(--text); }
.menu { display: none; padding: 4px 10px; }
.frame { display: grid; grid-template-columns: 300px minmax(0, 1fr); }
nav { position: sticky; top: 56px; height: calc(100vh - 56px); overflow-y: auto; padding: 16px 12px 40px; border-right: 1px solid var(--line); scrollbar-width: thin; }
nav h2 { font-size: 12px; text-transform: uppercase; letter-spacing: .06em; color: var(--quiet); margin: 20px 8px 4px; }
nav a { display: flex; gap: 9px; align-items: baseline; padding: 3px 8px; border-radius: 6px; color: var(--text); font-size: 13.5px; }
nav a span:last-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav a:hover { background: var(--sunk); text-decoration: none; }
nav a.here { background: var(--accent-soft); color: var(--accent); }
nav .none { margin: 20px 8px; }
.method { font: 700 10.5px var(--mono); letter-spacing: .02em; flex: none; width: 44px; }
.GET { color: var(--get); } .POST { color: var(--post); } .PUT { color: var(--put); } .PATCH { color: var(--patch); } .DELETE { color: var(--delete); }
main { padding: 28px 36px 120px; max-width: 1080px; outline: none; }
main > h1 { font-size: 26px; line-height: 1.25; margin: 0 0 6px; letter-spacing: -.01em; }
main > h2 { margin: 40px 0 2px; font-size: 19px; }
main > h2 + p { margin: 0 0 12px; color: var(--quiet); }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 11px; box-shadow: var(--shadow); margin: 10px 0; }
.card > summary { display: flex; gap: 12px; align-items: baseline; padding: 11px 16px; cursor: pointer; list-style: none; border-radius: 11px; }
.card > summary::-webkit-details-marker { display: none; }
.card > summary:hover { background: var(--sunk); }
.card > summary .method { font-size: 12px; width: 54px; }
.card > summary .path { font-family: var(--mono); font-size: 13.5px; font-weight: 600; overflow-wrap: anywhere; }
.card > summary .path i { font-style: normal; color: var(--accent); }
.card > summary .what { color: var(--quiet); margin-left: auto; text-align: right; font-size: 13.5px; }
.card[open] > summary { border-bottom: 1px solid var(--line); border-radius: 11px 11px 0 0; }
.inside { padding: 6px 20px 20px; display: grid; gap: 0 28px; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: start; }
.inside > .wide { grid-column: 1 / -1; }
.inside h3 { font-size: 12px; text-transform: uppercase; letter-spacing: .06em; color: var(--quiet); margin: 18px 0 6px; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 12px; }
.chip { font-size: 12px; padding: 1px 9px; border-radius: 99px; background: var(--sunk); color: var(--quiet); border: 1px solid var(--line); }
.chip.lock { background: var(--accent-soft); color: var(--accent); border-color: transparent; }
.tree { list-style: none; margin: 0; padding: 0; }
.tree .tree { margin: 2px 0 4px; padding-left: 14px; border-left: 2px solid var(--line); }
.tree li { padding: 3px 0; }
.tree .name { font: 600 13px var(--mono); }
.tree .must { color: var(--bad); font-size: 11px; margin-left: 4px; }
.tree .type { font: 12.5px var(--mono); color: var(--quiet); margin-left: 8px; }
.tree .note { display: block; font-size: 13px; color: var(--quiet); }
.tree summary { cursor: pointer; }
.status { display: flex; gap: 10px; padding: 5px 0; align-items: baseline; }
.status b { font: 700 13px var(--mono); flex: none; width: 34px; }
.s2 { color: var(--good); } .s3 { color: var(--get); } .s4 { color: var(--warn); } .s5 { color: var(--bad); }
.status p { margin: 0; font-size: 13.5px; }
.status details { font-size: 13.5px; min-width: 0; }
.status summary { cursor: pointer; }
.try { background: var(--sunk); border-radius: 9px; padding: 4px 16px 16px; margin-top: 18px; }
.try label { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 10px; align-items: center; margin: 6px 0; font: 13px var(--mono); overflow-wrap: anywhere; }
.try label.block { grid-template-columns: 1fr; gap: 4px; }
.try input, .try textarea, .try select { font: 13px/1.5 var(--mono); }
.try textarea { min-height: 120px; resize: vertical; white-space: pre; overflow-x: auto; }
.row { display: flex; gap: 10px; align-items: center; flex-wrap: wrap; margin-top: 12px; }
pre { background: var(--bg); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; overflow: auto; max-height: 460px; margin: 8px 0 0; white-space: pre; }
.pair { color: var(--accent); } .text { color: var(--good); } .other { color: var(--patch); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
td, th { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
tr.here td { background: var(--accent-soft); }
@media (max-width: 1100px) { .inside { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 820px) {
  .menu { display: block; }
  .frame { grid-template-columns: minmax(0, 1fr); }
  nav { display: none; position: fixed; inset: 56px 0 0 0; z-index: 1; background: var(--bg); height: auto; border: 0; }
  nav.open { display: block; }
  main { padding: 20px 16px 80px; }
  .credentials label { font-size: 0; gap: 0; }
  .credentials { gap: 8px; }
  .credentials input { width: 84px; }
  .card > summary { flex-wrap: wrap; }
  .card > summary .what { margin-left: 66px; text-align: left; width: 100%; }
  .try label { grid-template-columns: 1fr; gap: 2px; }
}
`;
