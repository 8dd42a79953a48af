/** The browsable API page: one HTML file of our own, which asks only its own host and reads `/openapi.json`. */
import { PAGE_SCRIPT } from "./api-page-script.ts";
import { PAGE_STYLE } from "./api-page-style.ts";
import { TRY_SCRIPT } from "./api-page-try.ts";

/** The page as HTML text. */
export function apiPage(title: string): string {
  const name = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}: API</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='5' cy='8' r='4' fill='%234f6bed'/%3E%3Ccircle cx='11' cy='8' r='4' fill='%2312a594' fill-opacity='.8'/%3E%3C/svg%3E">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header class="top">
  <button class="menu" id="menu" aria-label="Show the list of operations">☰</button>
  <a class="brand" href="#"><span class="mark" aria-hidden="true"></span>${name}<span id="version"></span></a>
  <div class="credentials">
    <label>Bearer token<input id="token" type="password" autocomplete="off" spellcheck="false" placeholder="token"></label>
    <label>API key<input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="key"></label>
  </div>
</header>
<div class="frame">
  <nav id="nav" aria-label="Operations">
    <input id="search" type="search" placeholder="Search  (press /)" aria-label="Search operations">
    <div id="list"></div>
  </nav>
  <main id="main" tabindex="-1"><p class="quiet">Reading /openapi.json …</p></main>
</div>
<noscript>This page needs JavaScript. The document is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script>${PAGE_SCRIPT}${TRY_SCRIPT}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
