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
const NOISE = /^(?:read|head|append) |\.cursor$|\.saga\.journal$|^the answer to (?:read|head|append) /;
const EVENTS_MAX = 200;
/** Of questions that are asked again and again in vain, only the first and the last are told. */
const SAME_MAX = 3;
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
  const words = new Set([...what.matchAll(WORD)].map(([word]) => word));
  return [...words].filter((word) => events.some(({ body }) => body?.includes(`:"${word}"`)));
}

function relatedTo(subjects: readonly string[], events: readonly SimEvent[]): readonly SimEvent[] {
  const isId = subjects.every((subject) => subject.length >= 12);
  const texts = isId ? [...subjects] : subjects.map((subject) => `:"${subject}"`);
  const touches = (text: string | undefined): boolean => text !== undefined && texts.some((one) => text.includes(one));
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
  const first = related[0]?.at ?? 0;
  const few = new Set(faults.map(faultId)).size <= EVENTS_MAX / 10;
  return events.filter((event) => {
    const { kind, who, what, at } = event;
    if (kept.has(event) || kind === "violation") return true;
    if (kind === "crash" || kind === "start") return at >= first && parties.has(who);
    if (kind !== "fault") return false;
    return few || [...parties].some((name) => what.split(/[ >]/).includes(name));
  });
}
