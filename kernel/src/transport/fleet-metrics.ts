/** What the transport of a fleet counts. */
import type { CounterSeries, Metrics } from "../observe/mod.ts";

const STATES = ["ready", "ejected", "probation", "draining", "unreached"] as const;

/** The numbers of one service's instances. */
export interface PoolCounts {
  readonly ejections: CounterSeries;
  /** Calls for which there was no instance. */
  readonly nobody: CounterSeries;
  picked(isRepeated: boolean): void;
  /** Reads the states from here whenever metrics are collected. */
  watch(states: () => Readonly<Record<(typeof STATES)[number], number>>): void;
}

/** Defines the metrics `isomer.balancer.*`, and binds those of a service. */
export function poolCounts(metrics: Metrics, service: string): PoolCounts {
  const labels = ["rpc.service"] as const;
  const of = { "rpc.service": service };
  const picks = metrics.counter("isomer.balancer.picks", "Calls sent to an instance.", labels).with(of);
  const repeats = metrics
    .counter("isomer.balancer.repeats", "Calls sent to another instance, for the first did not begin them.", labels)
    .with(of);
  const instances = metrics.gauge("isomer.balancer.instances", "Instances by what is known of them.", [
    "rpc.service",
    "state",
  ]);
  return {
    ejections: metrics.counter("isomer.balancer.ejections", "Instances left out for failing.", labels).with(of),
    nobody: metrics.counter("isomer.balancer.nobody", "Calls for which there was no instance.", labels).with(of),
    picked(isRepeated) {
      picks.add();
      if (isRepeated) repeats.add();
    },
    watch(states) {
      for (const state of STATES) instances.with({ ...of, state }).from(() => states()[state]);
    },
  };
}
