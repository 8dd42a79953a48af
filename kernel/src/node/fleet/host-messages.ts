/** What a supervisor and its processes say to one another over the channel that Node opens between them. */
import { type TypeOf, pruner, t, validator } from "../../schema/mod.ts";
import { toFault } from "../../std/mod.ts";

const Count = t.number({ minimum: 0 });
const Ready = t.object({
  type: t.literal("ready"),
  /** Where it takes calls of other processes; a gateway takes none. */
  wirePort: t.optional(t.integer({ minimum: 1, maximum: 65_535 })),
  /** Where it takes requests, if it is a gateway. */
  httpUrl: t.optional(t.text()),
  /** Where it takes calls of services in other languages: over HTTP with JSON, and over gRPC. */
  httpPort: t.optional(t.integer({ minimum: 1, maximum: 65_535 })),
  grpcPort: t.optional(t.integer({ minimum: 1, maximum: 65_535 })),
});
const Stats = t.object({
  type: t.literal("stats"),
  /** Calls (a gateway: requests) answered since the process started; absent when nobody counts them. */
  calls: t.optional(Count),
  /** Those of them that ended in a fault of the kinds `broken`, `unavailable` or `exhausted`. */
  faults: t.optional(Count),
  /** Of the calls since the last such message; absent when there were none. */
  p50Ms: t.optional(Count),
  p99Ms: t.optional(Count),
  /** Processor time since the process started, in milliseconds. */
  cpuMs: Count,
  rssBytes: Count,
});
/** Nothing is under way any more, after `drain`. Without it the supervisor waits for as long as it may take. */
const Drained = t.object({ type: t.literal("drained") });

/** What came of an `ask`. */
const Answer = t.object({
  type: t.literal("answer"),
  id: t.integer(),
  output: t.optional(t.unknown()),
  fault: t.optional(t.object({ code: t.text(), kind: t.text(), message: t.text(), data: t.optional(t.unknown()) })),
});

/** What the operator's service asks of the whole fleet. */
const Question = t.object({
  type: t.literal("question"),
  id: t.integer(),
  operation: t.text({ minLength: 1, maxLength: 100 }),
  service: t.optional(t.text({ minLength: 1, maxLength: 100 })),
  input: t.unknown(),
});

const FromHost = t.union(Ready, Stats, Drained, Answer, Question);
const fromHost = validator(FromHost, "message of a process");
const known = pruner(FromHost);

/** From a process: it is ready, how it fares (once a second), it is drained, what came of what it was asked, its question. */
export type HostMessage =
  | TypeOf<typeof Ready>
  | TypeOf<typeof Stats>
  | TypeOf<typeof Drained>
  | TypeOf<typeof Answer>
  | TypeOf<typeof Question>;
/** What a process asks of the whole fleet. */
export type HostQuestion = TypeOf<typeof Question>;
/** What came of an `ask`. */
export type HostAnswer = TypeOf<typeof Answer>;
/** How a process fares. */
export type HostStats = TypeOf<typeof Stats>;

/**
 * To a process. `drain`: take yourself off the registry, refuse new calls, finish what is under way, say `drained`.
 * `stop`: the same, then end with exit code 0; so does SIGTERM, and so does the end of the channel, which means that the
 * supervisor died. `ask`: carry out an operation of the operator's contract on your host, say `answer` with its id.
 * `told`: what came of your `question` with this id; only the process with the operator's service gets more than a refusal.
 */
export type SupervisorMessage =
  | { readonly type: "drain" }
  | { readonly type: "stop" }
  | { readonly type: "ask"; readonly id: number; readonly operation: string; readonly input: unknown }
  | ({ readonly type: "told" } & Omit<HostAnswer, "type">);

/**
 * The message without what only a newer build knows, or undefined when it is none of this build's protocol: that is no
 * reason to fail.
 */
export function hostMessage(value: unknown): HostMessage | undefined {
  const message = known(value);
  return fromHost.check(message) ? message : undefined;
}

/**
 * The variable of a process's environment by which its supervisor says that it answers a `question`. One that was started
 * from a build before that does not set it, and would never answer.
 */
export const ANSWERS_QUESTIONS = "ISOMER_SUPERVISOR_ANSWERS";

/** What an `answer` or a `told` carries: what came of it, as output or fault. */
export async function outcomeOf(act: () => Promise<unknown>): Promise<Omit<HostAnswer, "type" | "id">> {
  try {
    return { output: await act() };
  } catch (error) {
    const { code, kind, message, data } = toFault(error).toJSON();
    return { fault: { code, kind, message, ...(data === undefined ? {} : { data }) } };
  }
}
