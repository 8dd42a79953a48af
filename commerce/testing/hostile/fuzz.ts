/** Random requests to random routes: near enough to what is asked for to get far, and wrong in places nobody thought of. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { checkProblem } from "../checked-client.ts";
import { inputFor } from "../matrix/requests.ts";
import { type HttpOperation, httpOperations } from "../operations.ts";
import { valuesOf } from "../schema-samples.ts";
import { goodRequest } from "./attacks.ts";
import type { RawClient, RawRequest } from "./raw.ts";
import { INJECTIONS, NUMBER_TEXTS, WRONG_VALUES } from "./values.ts";

type Json = unknown;
type Spoil = (body: Record<string, Json>) => Json;

/** Erasing the attacker, or ending its sessions, would end the attack. */
const SPARED = new Set(["users.erase", "auth.changePassword", "auth.logout"]);
const operations = httpOperations.filter(({ name }) => !SPARED.has(name));

const texts = fc.oneof(fc.constantFrom(...INJECTIONS, ...NUMBER_TEXTS), fc.string({ unit: "binary", maxLength: 50 }));
const anything: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(...WRONG_VALUES),
  texts,
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.maxSafeInteger(),
);
const names = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "toJSON", "length", "then"),
  fc.string({ maxLength: 20 }),
);

/** One field is something else, is gone, or is new. */
const spoilers: fc.Arbitrary<Spoil> = fc.oneof(
  fc.tuple(fc.nat(20), anything).map(([at, value]): Spoil => (body) => {
    const name = Object.keys(body)[at % Math.max(1, Object.keys(body).length)];
    return name === undefined ? body : { ...body, [name]: value };
  }),
  fc.tuple(names, anything).map(
    ([name, value]): Spoil =>
      (body) =>
        Object.fromEntries([...Object.entries(body), [name, value]]),
  ),
  fc.nat(20).map(
    (at): Spoil =>
      (body) =>
        Object.fromEntries(Object.entries(body).filter((_, index) => index !== at)),
  ),
  fc.tuple(fc.nat(200), anything).map(
    ([at, value]): Spoil =>
      (body) =>
        within(body, at, value),
  ),
  anything.map(
    (value): Spoil =>
      () =>
        value,
  ),
  fc.constant<Spoil>((body) => body),
);

/** Puts a value somewhere inside. */
function within(value: Json, at: number, other: Json): Json {
  if (typeof value !== "object" || value === null) return other;
  const keys = Object.keys(value);
  const key = keys[at % Math.max(1, keys.length)];
  if (key === undefined) return other;
  const member = within((value as Record<string, Json>)[key], Math.floor(at / 3), other);
  return Array.isArray(value) ? value.with(Number(key), member) : { ...value, [key]: member };
}

const headers = fc.dictionary(
  fc.constantFrom(
    "if-match",
    "idempotency-key",
    "if-none-match",
    "content-type",
    "accept",
    "traceparent",
    "isomer-signature",
    "sandbox-key",
    "origin",
    "range",
    "expect-ct",
  ),
  fc.oneof(
    fc.constantFrom('"1"', "*", "application/json", "bytes=0-1", "text/html", "t=1,v1=00"),
    fc.stringMatching(/^[ -~]{0,60}$/),
  ),
  { maxKeys: 3 },
);

interface Draw {
  readonly operation: HttpOperation;
  readonly input: Json;
  readonly spoil: Spoil;
  readonly headers: Readonly<Record<string, string>>;
  readonly segment: string | undefined;
  readonly query: readonly (readonly [string, string])[];
}

const draws: fc.Arbitrary<Draw> = fc.constantFrom(...operations).chain((operation) =>
  fc.record({
    operation: fc.constant(operation),
    input: valuesOf(operation.definition.input),
    spoil: spoilers,
    headers,
    segment: fc.option(texts, { nil: undefined }),
    query: fc.array(fc.tuple(fc.oneof(fc.constantFrom(...operation.otherFields, "limit", "cursor"), names), texts), {
      maxLength: 4,
    }),
  }),
);

function requestOf(
  { operation, input, spoil, headers: extra, segment, query }: Draw,
  things: object,
  credentials: Record<string, string>,
): RawRequest {
  const good = goodRequest(operation, credentials);
  const values: Record<string, Json> = {
    ...(input as object),
    ...inputFor(operation, things as Record<string, unknown>),
  };
  const written = (text: string): string => encodeURIComponent(text.toWellFormed());
  const path = operation.binding.path.replaceAll(/:(\w+)/g, (_, name: string) =>
    written(segment ?? String(values[name])),
  );
  const base = { method: good.method, headers: { ...good.headers, ...extra } };
  if (!operation.takesJson && operation.binding.rawBody === undefined) {
    const parameters = query.map(([name, value]) => `${written(name)}=${written(value)}`).join("&");
    return { ...base, path: parameters === "" ? path : `${path}?${parameters}` };
  }
  const fields = Object.fromEntries(
    operation.otherFields.flatMap((name) => (name in values ? [[name, values[name]]] : [])),
  );
  return { ...base, path, body: JSON.stringify(spoil({ ...fields, ...(input as object) })) ?? "" };
}

/** Sends so many random requests, and looks at each answer. */
export async function fuzz(
  raw: RawClient,
  {
    runs,
    seed,
    things,
    credentials,
  }: { runs: number; seed?: number; things: object; credentials: Record<string, string> },
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  await fc.assert(
    fc.asyncProperty(draws, async (draw) => {
      const request = requestOf(draw, things, credentials);
      const answer = await raw.send(request);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const at = `${request.method} ${request.path} ${String(request.body)}`;
      if (answer.status >= 400) checkProblem(answer, at.slice(0, 2_000));
      for (const value of Object.values(answer.headers)) assert.doesNotMatch(String(value), /[\r\n\0]/);
    }),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
  return statuses;
}
