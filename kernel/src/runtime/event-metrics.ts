/** How a service hears events, as metrics: whether it keeps up, what it cannot handle, and how near it is to its bounds. */
import type { Consumer, ConsumerOptions } from "../events/mod.ts";
import type { Metrics } from "../observe/mod.ts";

/** Who hears what. */
export interface HearingLabels {
  readonly service: string;
  readonly consumer: string;
  readonly source: string;
}

const LABELS = ["service", "consumer", "source"] as const;
/** How long after it was recorded an event may take effect, in seconds: from in time to after an outage. */
const LAG_BOUNDARIES = [0.005, 0.02, 0.06, 0.25, 1, 5, 30, 300, 3_600, 86_400] as const;

/** What a consumer tells of each attempt: one that is `dead` is a dead letter, and an alert belongs on it. */
export function attemptMetrics(metrics: Metrics, of: HearingLabels): Required<ConsumerOptions>["observe"] {
  const attempts = metrics.counter("isomer.events.attempts", "Attempts to handle an event, by what came of them.", [
    ...LABELS,
    "outcome",
  ]);
  const lag = metrics
    .histogram("isomer.events.lag", "From an event's record to its effect.", LABELS, LAG_BOUNDARIES)
    .with({ ...of });
  const counted = {
    done: attempts.with({ ...of, outcome: "done" }),
    repeated: attempts.with({ ...of, outcome: "repeated" }),
    failed: attempts.with({ ...of, outcome: "failed" }),
    dead: attempts.with({ ...of, outcome: "dead" }),
  };
  return (_, outcome, lagMs) => {
    counted[outcome].add(1);
    if (outcome === "done") lag.observe(Math.max(0, lagMs) / 1_000);
  };
}

/** How near a consumer is to its bounds, and whether something keeps it. Of replicas, the one that leads says so. */
export function consumerMetrics(metrics: Metrics, of: HearingLabels, consumer: Consumer): void {
  const used = metrics.gauge(
    "isomer.events.used",
    "How much of a consumer's bound is used; at 1 it reads no more.",
    [...LABELS, "bound"],
    "1",
  );
  const running = (value: () => number) => (): number => (consumer.isRunning ? value() : Number.NaN);
  const share = (bound: string, part: (stats: ReturnType<Consumer["stats"]>) => number): void =>
    used.with({ ...of, bound }).from(running(() => part(consumer.stats())));
  share("unfinished", ({ unfinished, unfinishedMax }) => unfinished / unfinishedMax);
  share("active", ({ active, activeMax }) => active / activeMax);
  share("parked", ({ parkedKeys, parkedKeysMax }) => parkedKeys / parkedKeysMax);
  metrics
    .gauge("isomer.events.oldest", "Age of the oldest event that was read and is neither done nor dead.", LABELS, "s")
    .with({ ...of })
    .from(
      running(() => {
        const { oldestAt } = consumer.stats();
        return oldestAt === undefined ? 0 : Math.max(0, consumer.now() - oldestAt) / 1_000;
      }),
    );
  metrics
    .gauge("isomer.events.stuck", "1 while what comes next is gone, and an operator must decide.", LABELS)
    .with({ ...of })
    .from(running(() => (consumer.stuck === undefined ? 0 : 1)));
}
