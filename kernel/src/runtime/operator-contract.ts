/** operator: looks after a running system: sagas that are stuck, events that nobody could handle, read models. */
import { command, contract, http, permission, query } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";

const STATUSES = ["running", "waiting", "compensating", "completed", "compensated", "stuck", "aborted"] as const;
const LIST_MS = 5_000;
const CURSOR = { minLength: 1, maxLength: 1_000 } as const;
const operate = permission("operator.manage");
const Service = t.text({ minLength: 1, maxLength: 63 });
const Name = t.text({ minLength: 1, maxLength: 100 });
const SagaId = t.text({ minLength: 1, maxLength: 128 });
const Fault = t.object({ code: t.text(), kind: t.text(), message: t.text() });
/** Who was asked and did not answer: what is theirs is missing from the list. */
const unanswered = t.optional(
  t.array(t.object({ from: t.text(), code: t.text(), message: t.text() }), {
    description: "Processes or services that did not answer: what is theirs is missing. Absent when all did.",
  }),
);
const Done = t.object({ done: t.boolean() });

const SagaItem = t.object({
  service: Service,
  sagaId: SagaId,
  saga: t.text(),
  version: t.integer(),
  status: t.oneOf(STATUSES),
  step: t.optional(t.text()),
  attempts: t.integer(),
  fault: t.optional(Fault),
  startedAt: t.instant(),
  updatedAt: t.instant(),
});

const Letter = t.object({
  service: Service,
  consumer: t.text(),
  source: Service,
  eventId: t.id(),
  /** Where the event stands in its log; hosts of an older build do not say. */
  position: t.optional(t.integer()),
  type: t.text(),
  key: t.text(),
  fault: Fault,
  attempts: t.integer(),
  at: t.instant(),
});

const Consumer = t.object({
  service: Service,
  consumer: t.text(),
  source: Service,
  lag: t.integer(),
  parkedKeys: t.integer(),
  deadLetters: t.integer(),
  // Why it cannot go on: what it would hear next is gone.
  fault: t.optional(Fault),
});

const whichSaga = t.object({ service: Service, sagaId: SagaId });
const whichLetter = t.object({ service: Service, consumer: Name, source: Service, eventId: t.id() });
const whichConsumer = t.object({ service: Service, consumer: Name, source: Service });
const letterPath = "/v1/operator/dead-letters/:service/:consumer/:source/:eventId";

/** The contract of the operator: part of every system that lists its service. */
export const operator = contract("operator", {
  version: "1.1.0",
  summary: "Stuck sagas, dead letters, lag, and read models made anew.",
  permissions: { "operator.manage": "Look after the running system." },
  commands: {
    retrySaga: command({
      summary: "Try a saga's step again now",
      input: whichSaga,
      output: SagaItem,
      allow: [operate],
      http: http("POST /v1/operator/sagas/:service/:sagaId/retry"),
    }),
    abortSaga: command({
      summary: "End a saga: before its pivot it is taken back, after it is left as it is",
      input: whichSaga,
      output: SagaItem,
      allow: [operate],
      http: http("POST /v1/operator/sagas/:service/:sagaId/abort"),
    }),
    redrive: command({
      summary: "Hand a dead letter to its handler again",
      input: whichLetter,
      output: Done,
      allow: [operate],
      http: http(`POST ${letterPath}/redrive`),
    }),
    discard: command({
      summary: "Throw a dead letter away",
      input: whichLetter,
      output: Done,
      allow: [operate],
      http: http(`DELETE ${letterPath}`),
    }),
    rebuild: command({
      summary: "Make a read model anew from the log",
      input: t.object({ service: Service, projection: Name }),
      output: Done,
      allow: [operate],
      deadlineMs: 30_000,
      http: http("POST /v1/operator/projections/:service/:projection/rebuild"),
    }),
    skip: command({
      summary: "Let a consumer go on without events that are gone; it passes over nothing that it could hear",
      input: whichConsumer,
      output: Done,
      allow: [operate],
      http: http("POST /v1/operator/consumers/:service/:consumer/:source/skip"),
    }),
  },
  queries: {
    sagas: query({
      summary: "Sagas of a service",
      input: t.object({
        service: Service,
        status: t.optional(t.oneOf(STATUSES)),
        after: t.optional(SagaId),
        limit: t.optional(t.integer({ minimum: 1, maximum: 100 })),
      }),
      output: t.object({
        items: t.array(SagaItem),
        next: t.optional(t.text({ maxLength: 128, description: "The `after` of the next page; absent on the last." })),
      }),
      allow: [operate],
      http: http("GET /v1/operator/sagas/:service"),
    }),
    deadLetters: query({
      summary: "Events that nobody could handle",
      input: t.object({
        after: t.optional(t.text({ ...CURSOR, description: "Where to go on: `next` of the page before." })),
        limit: t.optional(t.integer({ minimum: 1, maximum: 100 })),
      }),
      output: t.object({
        items: t.array(Letter),
        next: t.optional(t.text({ ...CURSOR, description: "The `after` of the next page; absent on the last." })),
        unanswered,
      }),
      // Longer than a process that hangs is waited for.
      deadlineMs: LIST_MS,
      allow: [operate],
      http: http("GET /v1/operator/dead-letters"),
    }),
    consumers: query({
      summary: "Who hears what, and how far behind",
      input: t.object({}),
      output: t.object({ items: t.array(Consumer), unanswered }),
      deadlineMs: LIST_MS,
      allow: [operate],
      http: http("GET /v1/operator/consumers"),
    }),
  },
});
