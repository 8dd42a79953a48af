/**
 * The way from the processes that a group has to those that it should have, one step at a time. Pure.
 *
 * At most one process more than wanted runs at any moment, and none is taken away before its successor answers: so a
 * group that served keeps serving, also when the successor never comes.
 */

/** A process of the group, as the plan sees it. */
export interface PlannedInstance {
  readonly name: string;
  /** Whether it is of the build, and holds the services, that are wanted now. */
  readonly isCurrent: boolean;
  readonly isReady: boolean;
}

/** What to do next. */
export type RollStep =
  | { readonly do: "start" }
  | { readonly do: "await"; readonly name: string }
  | { readonly do: "retire"; readonly name: string }
  | { readonly do: "nothing" };

/** The next step, given the processes in the order in which they were started. */
export function nextStep(instances: readonly PlannedInstance[], replicas: number): RollStep {
  const current = instances.filter(({ isCurrent }) => isCurrent);
  const old = instances.filter(({ isCurrent }) => !isCurrent);
  const starting = current.find(({ isReady }) => !isReady);
  // What does not answer is no loss: it goes first.
  const surplus = starting ?? current.at(-1);
  if (current.length > replicas && surplus !== undefined) return { do: "retire", name: surplus.name };
  if (starting !== undefined) return { do: "await", name: starting.name };
  const spare = old.find(({ isReady }) => !isReady) ?? old[0];
  if (instances.length > replicas && spare !== undefined) return { do: "retire", name: spare.name };
  return current.length < replicas ? { do: "start" } : { do: "nothing" };
}
