/** The part of the API page's script that sends requests. Tokens stay in the tab: in `sessionStorage`. */
export const TRY_SCRIPT = String.raw`
/** A value that fits a schema, to begin with. */
function example(schema, depth = 0) {
  const at = follow(schema);
  if (at.examples && at.examples.length > 0) return at.examples[0];
  if (at.default !== undefined) return at.default;
  if (at.const !== undefined) return at.const;
  if (at.enum) return at.enum[0];
  if (at.anyOf) return example(at.anyOf[0], depth);
  if (at.type === "object") {
    if (depth > 6) return {};
    const required = new Set(at.required || []);
    const shown = Object.entries(at.properties || {}).filter(([name]) => required.has(name));
    return Object.fromEntries(shown.map(([name, property]) => [name, example(property, depth + 1)]));
  }
  if (at.type === "array") return (at.minItems || 0) > 0 || depth < 2 ? [example(at.items, depth + 1)] : [];
  if (at.type === "integer" || at.type === "number") return at.minimum > 0 ? at.minimum : 1;
  if (at.type === "boolean") return true;
  if (at.format === "uuid") return "00000000-0000-7000-8000-000000000000";
  if (at.format === "date-time") return new Date().toISOString();
  if (at.format === "email") return "ada@example.com";
  return "";
}

const COLOURS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON with colours, as nodes: nothing of an answer is ever read as HTML. */
function coloured(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(COLOURS)) {
    parts.push(text.slice(from, match.index));
    if (match[1] && match[2]) parts.push(h("span.pair", {}, match[1]), match[2]);
    else parts.push(h(match[1] ? "span.text" : "span.other", {}, match[0]));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function fieldFor(parameter) {
  const at = follow(parameter.schema);
  const hint = parameter.required ? "required" : typeOf(parameter.schema);
  const input = at.enum
    ? h("select", {}, h("option", { value: "" }, "–"), at.enum.map((value) => h("option", {}, String(value))))
    : h("input", { placeholder: hint, spellcheck: "false", autocomplete: "off" });
  if (parameter.name === "Idempotency-Key") input.value = newKey();
  return { parameter, input, label: h("label", {}, parameter.name, input) };
}

/** crypto.randomUUID exists only in secure contexts; localhost is one, a name in the local network is not. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function requestOf(operation, fields, bodyType, text) {
  const headers = {};
  const query = new URLSearchParams();
  let path = operation.path;
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === "path") path = path.replace("{" + parameter.name + "}", encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "header") headers[parameter.name] = value;
    else if (follow(parameter.schema).type === "array") for (const item of value.split(",")) query.append(parameter.name, item.trim());
    else query.append(parameter.name, value);
  }
  const token = byId("token").value.trim();
  const key = byId("key").value.trim();
  if (token) headers.Authorization = "Bearer " + token;
  if (key) headers["X-Api-Key"] = key;
  if (bodyType) headers["Content-Type"] = bodyType === "*/*" ? "application/octet-stream" : bodyType;
  const url = path + (query.size > 0 ? "?" + query : "");
  return { url, init: { method: operation.method, headers, body: bodyType ? text : undefined } };
}

/** A word for a POSIX shell. */
const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function curlOf({ url, init }) {
  const parts = ["curl -i" + (init.method === "GET" ? "" : " -X " + init.method) + " " + quoted(location.origin + url)];
  for (const [name, value] of Object.entries(init.headers)) parts.push("-H " + quoted(name + ": " + value));
  if (init.body !== undefined) parts.push("-d " + quoted(init.body));
  return parts.join(" \\\n  ");
}

async function send(operation, request, into, fields) {
  const startedAt = performance.now();
  try {
    const response = await fetch(request.url, request.init);
    const text = await response.text();
    const took = Math.round(performance.now() - startedAt) + " ms";
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
    const told = ["etag", "retry-after", "idempotent-replayed", "ratelimit", "trace-id"]
      .filter((name) => response.headers.has(name)).map((name) => name + ": " + response.headers.get(name)).join("\n");
    into.replaceChildren(
      h("div.row", {}, h("b.s" + String(response.status)[0], {}, response.status + " " + response.statusText), h("span.quiet", {}, took)),
      told ? h("pre.quiet", {}, told) : "",
      shown ? h("pre", {}, coloured(shown.slice(0, 200000))) : "");
    offerToken(shown, into);
    // The same key again would be answered from the record: a new request needs a new one.
    for (const { parameter, input } of fields) {
      if (parameter.name === "Idempotency-Key" && response.ok) input.value = newKey();
    }
  } catch (error) {
    into.replaceChildren(h("p.s5", {}, "No answer: " + error.message));
  }
}

/** After a login the next request wants the token: one click puts it in its place. */
function offerToken(text, into) {
  const token = /"(?:accessToken|access_token|token)": "([^"]+)"/.exec(text);
  if (!token) return;
  into.prepend(h("div.row", {}, h("button", { onclick: () => {
    byId("token").value = token[1];
    sessionStorage.setItem("token", token[1]);
  } }, "Use this token for the next requests")));
}

function tryIt(operation, body) {
  const fields = (operation.parameters || []).filter(({ name }) => name !== "If-None-Match").map(fieldFor);
  const text = h("textarea", { spellcheck: "false", "aria-label": "Body" });
  if (body) text.value = body.type === "*/*" ? "" : JSON.stringify(example(body.schema), null, 2);
  text.rows = Math.min(20, text.value.split("\n").length + 1);
  const into = h("div", { "aria-live": "polite" });
  const request = () => requestOf(operation, fields, body && body.type, text.value);
  const button = h("button.main", { type: "submit" }, "Send");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send(operation, request(), into, fields);
    button.disabled = false;
  };
  const curl = h("button", { type: "button", onclick: () => into.replaceChildren(h("pre", {}, curlOf(request()))) }, "curl");
  return h("form.try", { onsubmit: submit }, h("h3", {}, "Try it"), fields.map(({ label }) => label),
    body ? h("label.block", {}, "body", text) : null, h("div.row", {}, button, curl), into);
}
`;
