/**
 * Aggregates: things whose state is what their events say. Deciding and evolving are pure; time, ids and prices come
 * in with the command. Reading and recording are in `store.ts`.
 */
import type { DataOf, EventType } from "../contract/mod.ts";
import { checkUpcasts } from "../events/mod.ts";

/** Event types by name: the `events` of a contract, or some of them. */
export type EventTypes = Readonly<Record<string, EventType>>;

/**
 * What an event says, apart from where and when: a union over the types that `switch (fact.type)` tells apart.
 * `type OrderFact = FactOf<typeof orders.events>`.
 */
export type FactOf<E extends EventTypes> = {
  [K in keyof E & string]: { readonly type: K; readonly data: DataOf<E[K]> };
}[keyof E & string];

/** What {@link defineAggregate} takes. */
export interface AggregateOptions<State, Command, E extends EventTypes> {
  /** Names the snapshots: unique within the service. */
  readonly name: string;
  /**
   * The events that make its state. The key of each must be the aggregate's id; other events with that key count in
   * its version, but do not reach `evolve`.
   */
  readonly events: E;
  /** The state before the first event. States are JSON: they are kept in snapshots. */
  readonly initial: State;
  /** What follows from a command: facts, none when there is nothing to do. Throws a fault to refuse it. Pure. */
  readonly decide: (state: State, command: Command) => readonly FactOf<E>[];
  /** The state after a fact. Pure, and never fails: facts are not for refusing. */
  readonly evolve: (state: State, fact: FactOf<E>) => State;
  /** Keeps the state after about every so many events, so that loading replays fewer; never unless said. */
  readonly snapshotEvery?: number;
  /** Raise it whenever `evolve` or the form of the state changes: older snapshots are then ignored. 1 unless said. */
  readonly revision?: number;
}

/** What {@link AggregateOptions} describe, with its revision settled: what the store loads and executes. */
export interface Aggregate<State, Command, E extends EventTypes = EventTypes> extends AggregateOptions<
  State,
  Command,
  E
> {
  readonly revision: number;
}

/** The events that aggregates are made of. */
const sourced = new WeakSet<object>();

/**
 * Refuses to let events go that have the key of an aggregate: its version is the sequence of its key.
 * @throws {TypeError} when one says how long it is kept, and is ordered by the same field as an aggregate's.
 */
export function checkKept(events: EventTypes): void {
  const all = Object.values<EventType>(events);
  const keys = new Set(all.filter(({ definition }) => sourced.has(definition)).map(({ definition }) => definition.key));
  for (const { name, definition } of all) {
    if (definition.keepMs !== undefined && keys.has(definition.key))
      throw new TypeError(`"${name}" has the key of an aggregate, so it must be kept: take out keepMs.`);
  }
}

/**
 * Defines an aggregate; state, commands and facts are inferred from `events`, `decide` and `evolve`.
 * @throws {TypeError} when it has no events, an entry is not named as its event, or they are of several services, or one is not kept for ever;
 *   {UpcastMissing} when an event lacks one.
 */
export function defineAggregate<State, Command, const E extends EventTypes>(
  options: AggregateOptions<State, Command, E>,
): Aggregate<State, Command, E> {
  const types = Object.entries<EventType>(options.events);
  if (types.length === 0) throw new TypeError(`The aggregate "${options.name}" has no events.`);
  for (const [name, event] of types) {
    if (event.name !== name)
      throw new TypeError(`The aggregate "${options.name}" calls ${event.name} "${name}"; use its name.`);
    if (event.service !== types[0]?.[1].service) {
      throw new TypeError(`The aggregate "${options.name}" has events of several services; its log holds only one's.`);
    }
    checkUpcasts(event);
    if (event.definition.keepMs !== undefined)
      throw new TypeError(
        `The aggregate "${options.name}" is made of ${event.name}, which must be kept: take out keepMs.`,
      );
    sourced.add(event.definition);
  }
  return { ...options, revision: options.revision ?? 1 };
}
