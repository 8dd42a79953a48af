/** Which events of a run have to do with what went wrong. */
import { faultId, stableName } from "../faults.ts";
import type { SimEvent } from "../history.ts";
import type { RunResult, SimViolation } from "../simulation.ts";

/** What went wrong, and what had to do with it. */
export interface Findings {
  readonly violation: SimViolation;
  /** What the violation is about: ids and keys that it names and that were sent about. */
  readonly subjects: readonly string[];
  /** The events that matter, in order. */
  readonly events: readonly SimEvent[];
  /** How many more there were before them. */
  readonly left: number;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const WORD = /[\w@.:-]+/g;
/** What is sent all the time and says nothing: looking for events, reporting how far one is. */
const NOISE =
  /^(?:read|head|append|enter|list) |\.cursor$|\.saga\.journal$|\.lease\.|^the answer to (?:read|head|append|enter|list) /;
const EVENTS_MAX = 200;
/** Of questions that are asked again and again in vain, only the first and the last are told. */
const SAME_MAX = 3;
/** Of so few faults each is told, and what came of it. */
const FEW = 20;
/** How many of an actor's last requests say what it was about. */
const ASKED_LAST = 3;

/** Whether an event is of the machinery, not of what happens. */
export function isNoise({ what }: SimEvent): boolean {
  return NOISE.test(what);
}

/** What had to do with the first violation of a run. Better of a run whose bodies were kept. */
export function findingsOf(result: RunResult): Findings | undefined {
  const [violation] = result.violations;
  if (violation === undefined) return undefined;
  const subjects = subjectsOf(violation, result.events);
  const until = result.events.filter(({ at }) => at <= violation.at);
  const related = subjects.length === 0 ? until.filter((event) => !isNoise(event)) : relatedTo(subjects, until);
  const events = withCircumstances(withoutRepetitions(related), until, result);
  const left = Math.max(0, events.length - EVENTS_MAX);
  return { violation, subjects, events: events.slice(left), left };
}

/** Ids that a violation names, or that an actor who failed asked about last; or else words that were sent as values. */
function subjectsOf({ property, what }: SimViolation, events: readonly SimEvent[]): readonly string[] {
  const asked = events.filter(({ kind, who }) => kind === "send" && property === `actor ${who}`).slice(-ASKED_LAST);
  const texts = [what, ...asked.map((event) => event.what)];
  const ids = new Set(texts.flatMap((text) => [...text.matchAll(UUID)].map(([id]) => stableName(id))));
  if (ids.size > 0) return [...ids];
  // A number tells how often, and not of whom.
  const words = new Set([...what.matchAll(WORD)].map(([word]) => word).filter((word) => !/^\d+$/.test(word)));
  return [...words].filter((word) => events.some(({ body }) => isValueIn(body, word)));
}

/** Whether a word is a value in a JSON text, or in one that is a text in it. */
function isValueIn(text: string | undefined, word: string): boolean {
  return text !== undefined && (text.includes(`:"${word}"`) || text.includes(`:\\"${word}\\"`));
}

function relatedTo(subjects: readonly string[], events: readonly SimEvent[]): readonly SimEvent[] {
  const isId = subjects.every((subject) => subject.length >= 12);
  // Words that are no ids may stand anywhere in a text; as values, they are meant.
  const touches = (text: string | undefined): boolean =>
    subjects.some((subject) => (isId ? text?.includes(subject) === true : isValueIn(text, subject)));
  const exchanges = new Set<number>();
  const keys = new Set<string>();
  for (const event of events) {
    const { kind, what, about, body, exchange } = event;
    if (isNoise(event) || !(touches(what) || touches(about) || touches(body))) continue;
    if (exchange !== undefined) exchanges.add(exchange);
    if (kind === "send" && about) keys.add(about);
    // Who hears an event works under its id.
    if (kind === "publish" && body !== undefined) keys.add((JSON.parse(body) as { id: string }).id);
  }
  return events.filter((event) => {
    const { kind, what, about = "", exchange, body } = event;
    if (exchange !== undefined) return exchanges.has(exchange);
    if (kind === "commit" || kind === "rollback") return keys.has(about) || touches(about);
    return touches(what) || touches(about) || touches(body);
  });
}

/** Leaves out what was asked again and again and answered in the same way: waiting for something to happen. */
function withoutRepetitions(events: readonly SimEvent[]): readonly SimEvent[] {
  const asked = Map.groupBy(
    events.filter(({ kind, about = "" }) => kind === "send" && (about === "" || about.startsWith("~"))),
    ({ who, what }) => `${who} ${what}`,
  );
  const out = new Set<number | undefined>();
  for (const sends of asked.values())
    if (sends.length > SAME_MAX) for (const { exchange } of sends.slice(1, -1)) out.add(exchange);
  return events.filter(({ exchange }) => exchange === undefined || !out.has(exchange));
}

/** Adds what happened to the machines that took part, and the faults. */
function withCircumstances(
  related: readonly SimEvent[],
  events: readonly SimEvent[],
  { faults }: RunResult,
): readonly SimEvent[] {
  const parties = new Set(related.flatMap(({ who, whom }) => (whom === undefined ? [who] : [who, whom])));
  const kept = new Set(related);
  const few = new Set(faults.map(faultId)).size <= FEW;
  const first = Math.min(related[0]?.at ?? 0, few ? (faults[0]?.at ?? Infinity) : Infinity);
  const lost = few ? lostAmong(parties, events) : new Set();
  return events.filter((event) => {
    const { kind, who, what, at, exchange } = event;
    if (kept.has(event) || kind === "violation") return true;
    if (kind === "crash" || kind === "start") return at >= first && (few || parties.has(who));
    if (kind === "fault") return few || [...parties].some((name) => what.split(/[ >]/).includes(name));
    return exchange !== undefined && lost.has(exchange);
  });
}

/** What was asked in vain by somebody who took part: it may be why something else failed. Not when there is much of it. */
function lostAmong(parties: ReadonlySet<string>, events: readonly SimEvent[]): ReadonlySet<unknown> {
  const lost = events.filter((event) => event.kind === "lost" && !isNoise(event));
  const asked = new Set(lost.map(({ exchange }) => exchange));
  const sent = events.filter(({ kind, who, exchange }) => kind === "send" && asked.has(exchange) && parties.has(who));
  return new Set(sent.length > EVENTS_MAX / 2 ? [] : sent.map(({ exchange }) => exchange));
}
