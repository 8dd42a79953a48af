/** What a supervisor and its processes say to one another over the channel that Node opens between them. */
import { type TypeOf, t, validator } from "../../schema/mod.ts";

const Count = t.number({ minimum: 0 });
const Ready = t.object({
  type: t.literal("ready"),
  /** Where it takes calls of other processes; a gateway takes none. */
  wirePort: t.optional(t.integer({ minimum: 1, maximum: 65_535 })),
  /** Where it takes requests, if it is a gateway. */
  httpUrl: t.optional(t.text()),
});
const Stats = t.object({
  type: t.literal("stats"),
  /** Calls (a gateway: requests) answered since the process started. */
  calls: Count,
  /** Those of them that ended in a fault of the kinds `broken`, `unavailable` or `exhausted`. */
  faults: Count,
  /** Of the calls since the last such message; absent when there were none. */
  p50Ms: t.optional(Count),
  p99Ms: t.optional(Count),
  /** Processor time since the process started, in milliseconds. */
  cpuMs: Count,
  rssBytes: Count,
});
/** Nothing is under way any more, after `drain`. Without it the supervisor waits for as long as it may take. */
const Drained = t.object({ type: t.literal("drained") });

const fromHost = validator(t.union(Ready, Stats, Drained), "message of a process");

/** From a process: it is ready, how it fares (once a second), it is drained. */
export type HostMessage = TypeOf<typeof Ready> | TypeOf<typeof Stats> | TypeOf<typeof Drained>;
/** How a process fares. */
export type HostStats = TypeOf<typeof Stats>;

/**
 * To a process. `drain`: take yourself off the registry, refuse new calls, finish what is under way, say `drained`.
 * `stop`: the same, then end with exit code 0; so does SIGTERM, and so does the end of the channel, which means that the
 * supervisor died.
 */
export type SupervisorMessage = { readonly type: "drain" } | { readonly type: "stop" };

/** The message, or undefined when it is of another build's protocol: that is no reason to fail. */
export function hostMessage(value: unknown): HostMessage | undefined {
  return fromHost.check(value) ? value : undefined;
}
