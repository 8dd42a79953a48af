/**
 * A process of a fleet and its supervisor: it says that it is ready and how it fares, and hears when it is to drain or to
 * stop. Without a supervisor (in a container) signals say the same.
 */
import cluster from "node:cluster";
import { OPERATION_DURATION, type Metrics, TrafficMeter } from "../../observe/mod.ts";
import type { AskFleet } from "../../runtime/mod.ts";
import { type Clock, faultFrom } from "../../std/mod.ts";
import {
  ANSWERS_QUESTIONS,
  type HostMessage,
  NoAnswer,
  OtherBuild,
  type SupervisorMessage,
  outcomeOf,
} from "../fleet/mod.ts";

/** How often it tells how it fares, in milliseconds. */
const STATS_MS = 1_000;
/** How long the fleet may take to answer, in milliseconds: as long as one of its processes, and a little. */
const TOLD_MS = 31_000;
/** What of the outcomes of calls is somebody's failure, and not an answer. */
const FAILURES: ReadonlySet<string> = new Set(["broken", "unavailable", "exhausted"]);

type Ask = Extract<SupervisorMessage, { type: "ask" }>;

/** What a process does when it is told to. */
export interface ProcessHooks {
  /** Takes no new work; resolves when what was under way is over. May be called more than once. */
  readonly drain: () => Promise<void>;
  /** Drains, and ends everything. */
  readonly stop: () => Promise<void>;
  /** Carries out what the fleet's operator asks. */
  readonly ask: (operation: string, input: unknown) => Promise<unknown>;
}

/** Connects a running process with whoever runs it. Returns what tells that it is ready. */
export function linkProcess(
  metrics: Metrics,
  isGateway: boolean,
  hooks: ProcessHooks,
): (ready: Omit<Extract<HostMessage, { type: "ready" }>, "type">) => void {
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    stopping ??= hooks.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", () => {
    // Ctrl-C in a terminal reaches everything that was started from it: the supervisor says what is to be done.
    if (!process.connected) stop();
  });
  // Otherwise Node ends a gateway at once when the supervisor is gone, with what is under way in it.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  process.on("message", (message: SupervisorMessage) => {
    if (message.type === "stop") stop();
    else if (message.type === "drain") void hooks.drain().then(() => tell({ type: "drained" }));
    else if (message.type === "ask") void answerTo(message, hooks);
  });
  // The supervisor died: nobody would ever end this process. It may have died before anybody listened.
  process.on("disconnect", stop);
  if (process.send !== undefined && !process.connected) stop();
  const look = statsOf(metrics, isGateway);
  return (ready) => {
    tell({ type: "ready", ...ready });
    setInterval(() => tell(look()), STATS_MS).unref();
  };
}

async function answerTo({ id, operation, input }: Ask, { ask }: ProcessHooks): Promise<void> {
  tell({ type: "answer", id, ...(await outcomeOf(() => ask(operation, input))) });
}

/**
 * How the operator's service asks the whole fleet: through the supervisor, which refuses any other process. Undefined when
 * there is no supervisor. A question that is not answered in time throws {NoAnswer}; {OtherBuild}, at once, when the
 * supervisor was started from a build that knows no questions.
 */
export function supervisorAsked(clock: Clock, environment: NodeJS.ProcessEnv = process.env): AskFleet | undefined {
  if (process.send === undefined) return undefined;
  if (environment[ANSWERS_QUESTIONS] === undefined)
    return ({ operation }) => Promise.reject(OtherBuild.with({ what: operation }));
  const asked = new Map<number, PromiseWithResolvers<unknown>>();
  let questions = 0;
  process.on("message", (message: SupervisorMessage) => {
    if (message.type !== "told") return;
    const { id, output, fault } = message;
    if (fault === undefined) asked.get(id)?.resolve(output);
    else asked.get(id)?.reject(faultFrom(fault as Parameters<typeof faultFrom>[0]));
  });
  return async (question) => {
    const id = (questions += 1);
    const answer = Promise.withResolvers<unknown>();
    asked.set(id, answer);
    const late = clock.after(TOLD_MS, () => answer.reject(NoAnswer.with({ instance: "The supervisor" })));
    try {
      tell({ type: "question", id, ...question });
      return await answer.promise;
    } finally {
      late.cancel();
      asked.delete(id);
    }
  };
}

function tell(message: HostMessage): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

function statsOf(metrics: Metrics, isGateway: boolean): () => HostMessage {
  const meter = new TrafficMeter(metrics, {
    metric: isGateway ? "http.server.request.duration" : OPERATION_DURATION,
    isFault: ({ outcome = "", "http.response.status_code": status = "" }) =>
      FAILURES.has(outcome) || status.startsWith("5") || status === "429",
  });
  let [calls, faults] = [0, 0];
  return () => {
    const traffic = meter.look();
    calls += traffic.calls;
    faults += traffic.faults;
    const { user, system } = process.cpuUsage();
    return {
      ...{ type: "stats", calls, faults, cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() },
      ...(traffic.calls === 0 ? {} : { p50Ms: traffic.p50Ms, p99Ms: traffic.p99Ms }),
    };
  };
}
