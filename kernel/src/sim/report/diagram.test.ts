import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimEvent } from "../history.ts";
import { BEGIN_MS, runSeed } from "../run-seed.ts";
import { carelessSimulation } from "../testing/coins.ts";
import { diagramOf, mermaidDiagram, textDiagram } from "./diagram.ts";
import { pageOf } from "./page.ts";
import { findingsOf } from "./relevant.ts";
import { storyLines } from "./telling.ts";

const at = (ms: number): number => BEGIN_MS + ms;
const EVENTS: readonly SimEvent[] = [
  { at: at(1), kind: "send", who: "ann", whom: "gateway", what: "POST /coins", about: "k1", exchange: 1 },
  { at: at(2), kind: "arrive", who: "gateway", whom: "ann", what: "POST /coins", about: "k1", exchange: 1 },
  { at: at(3), kind: "commit", who: "till", what: "till.put", about: "k1" },
  { at: at(4), kind: "reply", who: "gateway", whom: "ann", what: "POST /coins", outcome: "200", exchange: 1 },
  { at: at(4), kind: "fault", who: "reply lost", what: "ann>gateway POST /coins k1" },
  { at: at(4), kind: "lost", who: "gateway", whom: "ann", what: "the answer to POST /coins", exchange: 1 },
  { at: at(5), kind: "crash", who: "till", what: "it was killed" },
  { at: at(6), kind: "arrive", who: "gateway", whom: "ann", what: "POST /coins", about: "k1", exchange: 1 },
  { at: at(7), kind: "start", who: "till", what: "life 2" },
  { at: at(9), kind: "violation", who: "once", what: "a;b # c is there twice" },
];

test("messages, losses, second arrivals, crashes, faults and what is wrong are drawn in order", () => {
  const diagram = diagramOf(EVENTS);
  assert.deepEqual(diagram.parties, ["ann", "gateway", "till"]);
  assert.deepEqual(
    diagram.items.map((item) => (item.kind === "message" ? `${item.from}>${item.to} ${item.isLost}` : item.of)),
    ["ann>gateway false", "commit", "gateway>ann true", "fault", "crash", "arrival", "start", "violation"],
  );
  assert.deepEqual(textDiagram(diagram), [
    "               ann         gateway         till     ",
    "   0.001         │────────────▶│             │       POST /coins [k1]",
    "   0.003         │             │             ●       commits till.put [k1]",
    "   0.004         │   ✗╌╌╌╌╌╌╌╌╌│             │       200 (lost)",
    "   0.004  ⚡ reply lost: ann>gateway POST /coins k1",
    "   0.005         │             │             ✝       dies: it was killed",
    "   0.006         │             ◂                     POST /coins [k1] arrives again",
    "   0.007         │             │             ○       starts, life 2",
    "   0.009  ‼ once: a;b # c is there twice",
  ]);
});

test("Mermaid gets no character that it would read as its own", () => {
  const text = mermaidDiagram(diagramOf(EVENTS));
  assert.match(text, /^sequenceDiagram\n {2}participant p0 as ann\n/);
  assert.match(text, / {2}p1--xp0: 0\.004 200 \(lost\)\n/);
  assert.match(text, / {2}Note over p0,p2: WRONG 0\.009 once: a,b no\. c is there twice\n/);
  assert.doesNotMatch(text, /[;#]/);
});

test("the page takes nothing that was sent for markup", () => {
  const diagram = diagramOf([{ ...(EVENTS[0] as SimEvent), what: "<script>alert(1)</script>", body: '{"a":"<b>"}' }]);
  const html = pageOf({
    ...{ title: "t", property: "<p>", what: "w", facts: [["a", "<i>"]], faults: ["<f>"], commands: ["<c>"] },
    ...{ diagram, mermaid: "<m>", story: ["<s>"] },
  });
  assert.doesNotMatch(html, /<script|<f>|<c>|<m>|<s>|<i>|<b>/);
});

test("what went wrong with one coin is told without what happened to others", async () => {
  let seed = 1;
  let result = await runSeed(carelessSimulation, { seed, keepsBodies: true });
  while (result.violations.length === 0)
    result = await runSeed(carelessSimulation, { seed: (seed += 1), keepsBodies: true });
  const found = findingsOf(result);
  const [coin = ""] = found?.violation.what.split(" ") ?? [];
  assert.deepEqual(found?.subjects, [coin]);
  const sent = found?.events.filter(({ kind, what }) => kind === "send" && what === "POST /coins") ?? [];
  assert.ok(sent.length >= 2);
  for (const { body } of sent) assert.ok(body?.includes(coin));
  assert.equal(found?.events.at(-1)?.kind, "violation");
});

test("bodies are kept on demand, and make no difference to the digest", async () => {
  const plain = await runSeed(carelessSimulation, { seed: 3 });
  const told = await runSeed(carelessSimulation, { seed: 3, keepsBodies: true });
  assert.equal(told.digest, plain.digest);
  assert.equal(
    plain.events.some(({ body }) => body !== undefined),
    false,
  );
  assert.equal(
    told.events.some(({ body }) => body?.includes("ann-0")),
    true,
  );
});

test("a story leaves out the machinery, and tells everything when asked", async () => {
  const { events } = await runSeed(carelessSimulation, { seed: 3 });
  const [short, long] = [storyLines(events), storyLines(events, true)];
  assert.ok(short.length < long.length);
  assert.equal(long.length, events.length);
  assert.ok(short.some((line) => line.includes("POST /coins")));
  assert.ok(!short.some((line) => line.includes("read till")));
});
