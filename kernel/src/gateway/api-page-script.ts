/** The script of the API page: reads the document, draws lists and schemas. Text only ever goes in as text. */
export const PAGE_SCRIPT = String.raw`
"use strict";
let api = null;
const byId = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete"];

/** Makes an element: h("p.quiet", { title: "x" }, "text", child). */
function h(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return element;
}

/** Text with parts in backquotes as code. */
const prose = (text) => String(text || "").split(/(${"`[^`]+`"})/).map((part) =>
  part.startsWith("${"`"}") ? h("code", {}, part.slice(1, -1)) : part);

function operations() {
  const all = [];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS) {
      if (item[method]) all.push({ path, method: method.toUpperCase(), ...item[method], tag: item[method].tags[0] });
    }
  }
  return all;
}

function follow(schema) {
  let at = schema || {};
  for (let hops = 0; at.$ref && hops < 20; hops += 1) {
    const name = at.$ref.split("/").pop();
    at = { name, ...api.components.schemas[name] };
  }
  return at;
}

function typeOf(schema) {
  const at = follow(schema);
  if (at.const !== undefined) return JSON.stringify(at.const);
  if (at.enum) return at.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (at.anyOf) return at.anyOf.map(typeOf).join(" | ");
  if (at.type === "array") return typeOf(at.items) + "[]";
  if (at.type === "object") return at.name || "object";
  return at.format || at.type || "any";
}

function limitsOf(at) {
  const limits = [];
  const range = (low, high, unit) => {
    if (low !== undefined && low === high) limits.push(low + unit);
    else if (low !== undefined && high !== undefined) limits.push(low + "–" + high + unit);
    else if (low !== undefined) limits.push("at least " + low + unit);
    else if (high !== undefined) limits.push("at most " + high + unit);
  };
  const whole = (value) => (Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value);
  range(whole(at.minimum), whole(at.maximum), "");
  range(at.minLength, at.format ? undefined : at.maxLength, " characters");
  range(at.minItems, at.maxItems, " items");
  if (at.pattern) limits.push(at.pattern);
  if (at.default !== undefined) limits.push("default " + JSON.stringify(at.default));
  return limits.join(", ");
}

/** What lies within: the object of a list, the members of a union. */
function objectIn(schema) {
  const at = follow(schema);
  if (at.type === "object") return at;
  if (at.type === "array") return objectIn(at.items);
  return (at.anyOf || []).map(objectIn).find(Boolean);
}

function tree(schema, depth = 0) {
  const at = objectIn(schema);
  if (!at || !at.properties) {
    const values = at && (at.patternProperties ? Object.values(at.patternProperties)[0] : undefined);
    return h("p.quiet.mono", {}, values ? "text → " + typeOf(values) : typeOf(schema));
  }
  const required = new Set(at.required || []);
  return h("ul.tree", {}, Object.entries(at.properties).map(([name, property]) => {
    const inner = follow(property);
    const head = [
      h("span.name", {}, name),
      required.has(name) ? h("span.must", { title: "required" }, "required") : null,
      h("span.type", {}, typeOf(property)),
    ];
    const notes = [inner.description || property.description, limitsOf(inner)].filter(Boolean).join(" · ");
    const note = notes ? h("span.note", {}, prose(notes)) : null;
    if (!objectIn(property) || depth > 8) return h("li", {}, head, note);
    return h("li", {}, lazily(h("summary", {}, head, note), () => tree(property, depth + 1), depth < 1));
  }));
}

/** A part that is drawn when it is opened first: schemas may be deep. */
function lazily(summary, draw, open) {
  const part = h("details", { open: !!open }, summary);
  const fill = () => { if (part.open && part.childElementCount === 1) part.append(draw()); };
  part.addEventListener("toggle", fill);
  fill();
  return part;
}

function contentOf(holder) {
  const [type, media] = Object.entries((holder && holder.content) || {})[0] || [];
  return media ? { type, schema: media.schema } : undefined;
}

function responses(operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const content = contentOf(response);
    const faults = (content && content.schema["x-faults"]) || [];
    const code = h("b.s" + status[0], {}, status);
    if (!content || (content.type.includes("problem") && faults.length === 0)) {
      return h("div.status", {}, code, h("p", {}, prose(response.description)));
    }
    const draw = () => faults.length === 0 ? tree(content.schema) : h("div", {}, faults.map((fault) =>
      fault.properties.data ? h("div", {}, h("code", {}, fault.properties.code.const), tree(fault.properties.data)) : ""));
    const label = h("summary", {}, prose(response.description), content.type.includes("problem") ? "" : h("span.type.mono.quiet", {}, "  " + typeOf(content.schema)));
    return h("div.status", {}, code, lazily(label, draw, status[0] === "2"));
  });
}

function inside(operation) {
  const open = operation.security.some((one) => Object.keys(one).length === 0);
  const chips = (operation["x-allow"] || []).map((rule) => h("span.chip.lock", {}, rule));
  const parameters = operation.parameters || [];
  const body = contentOf(operation.requestBody);
  const describe = (parameter) => h("li", {}, h("span.name", {}, parameter.name),
    parameter.required ? h("span.must", {}, "required") : null,
    h("span.type", {}, typeOf(parameter.schema) + " · " + parameter.in),
    h("span.note", {}, prose([parameter.description, limitsOf(follow(parameter.schema))].filter(Boolean).join(" · "))));
  return h("div.inside", {},
    h("div.wide.chips", {}, h("span.chip", {}, operation.operationId.replace("_", ".")), h("span.quiet", {}, open ? "" : "for"), chips),
    h("div", {},
      parameters.length > 0 ? [h("h3", {}, "Parameters"), h("ul.tree", {}, parameters.map(describe))] : null,
      body ? [h("h3", {}, "Body"), tree(body.schema)] : null,
      h("h3", {}, "Answers"), responses(operation)),
    tryIt(operation, body));
}

function card(operation) {
  const path = operation.path.split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? h("i", {}, part) : part));
  const summary = h("summary", {}, h("span.method." + operation.method, {}, operation.method), h("span.path", {}, path),
    h("span.what", {}, operation.summary));
  const element = lazily(summary, () => inside(operation), false);
  element.className = "card";
  element.id = operation.operationId;
  element.addEventListener("toggle", () => {
    if (element.open) history.replaceState(null, "", "#" + operation.operationId);
  });
  return element;
}

function faultTable(all) {
  const rows = new Map();
  for (const operation of all) {
    for (const [status, response] of Object.entries(operation.responses)) {
      const content = contentOf(response);
      for (const fault of (content && content.schema["x-faults"]) || []) {
        const code = fault.properties.code.const;
        if (!rows.has(code)) rows.set(code, { status, from: [] });
        rows.get(code).from.push(operation);
      }
    }
  }
  if (rows.size === 0) return [];
  return [h("h2", { id: "problems" }, "Problems"), h("p", {}, "What operations may answer instead, by code."),
    h("table", {}, h("tr", {}, h("th", {}, "Code"), h("th", {}, "Status"), h("th", {}, "From")),
      [...rows].sort().map(([code, { status, from }]) => h("tr", { id: code }, h("td", {}, h("code", {}, code)),
        h("td.s" + status[0], {}, status), h("td", {}, from.map((one, index) =>
          [index > 0 ? ", " : "", h("a", { href: "#" + one.operationId }, one.operationId.replace("_", "."))])))))];
}

function draw() {
  const all = operations();
  const groups = Map.groupBy(all, (operation) => operation.tag);
  const described = new Map(api.tags.map((tag) => [tag.name, tag.description]));
  byId("version").textContent = api.info.version;
  byId("main").replaceChildren(
    h("h1", {}, api.info.title), h("p.quiet", {}, prose(api.info.description), " ",
      h("a", { href: "/openapi.json" }, "OpenAPI 3.1 document")),
    ...[...groups].flatMap(([tag, members]) => [h("h2", { id: "tag-" + tag }, tag), h("p", {}, prose(described.get(tag))), ...members.map(card)]),
    ...faultTable(all));
  list(groups, "");
  byId("search").addEventListener("input", (event) => list(groups, event.target.value));
}

/** The list at the side: every word that was typed must occur somewhere. */
function list(groups, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (one) => words.every((word) =>
    [one.method, one.path, one.summary, one.tag, one.operationId].join(" ").toLowerCase().includes(word));
  const found = [...groups].map(([tag, members]) => [tag, members.filter(fits)]).filter(([, members]) => members.length > 0);
  byId("list").replaceChildren(...found.map(([tag, members]) => h("div", {}, h("h2", {}, tag), members.map((one) =>
    h("a", { href: "#" + one.operationId, "data-id": one.operationId, title: one.method + " " + one.path },
      h("span.method." + one.method, {}, one.method), h("span", {}, one.summary || one.path))))));
  if (found.length === 0) byId("list").append(h("p.none.quiet", {}, "Nothing fits."));
}

function go() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && byId(id);
  byId("nav").classList.remove("open");
  for (const link of document.querySelectorAll("nav a")) link.classList.toggle("here", link.dataset.id === id);
  for (const row of document.querySelectorAll("tr.here")) row.classList.remove("here");
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  if (target.tagName === "TR") target.classList.add("here");
  target.scrollIntoView({ block: "start" });
}

async function start() {
  try {
    api = await (await fetch("/openapi.json")).json();
  } catch (error) {
    byId("main").replaceChildren(h("p", {}, "Could not read /openapi.json: " + error.message));
    return;
  }
  draw();
  go();
}

addEventListener("hashchange", go);
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    byId("search").focus();
  }
});
byId("menu").addEventListener("click", () => byId("nav").classList.toggle("open"));
for (const id of ["token", "key"]) {
  byId(id).value = sessionStorage.getItem(id) || "";
  byId(id).addEventListener("input", (event) => sessionStorage.setItem(id, event.target.value));
}
start();
`;
