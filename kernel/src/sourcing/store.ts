/**
 * Event-sourced aggregates in a service's log: the version of an aggregate is the sequence of its key.
 *
 * What holds across a crash: the events of a command are in the log together, or none is; a snapshot commits with the
 * events that it contains.
 */
import type { EventType } from "../contract/mod.ts";
import { type RecordedEvent, type Recorder, readKey, upcast } from "../events/mod.ts";
import { type FaultType, defineFault } from "../std/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import type { Aggregate, EventTypes, FactOf } from "./aggregate.ts";
import { readSnapshot, saveSnapshot } from "./snapshots.ts";

/** What a conflict of versions tells. */
export interface VersionConflictData {
  readonly aggregate: string;
  readonly id: string;
  readonly expected: number;
  readonly actual: number;
}

/** Somebody else was faster: the aggregate is not in the version that the command was meant for. Read it again. */
export const VersionConflict: FaultType<VersionConflictData> = defineFault({
  code: "sourcing/version-conflict",
  kind: "conflict",
  message: ({ aggregate, id, expected, actual }) =>
    `The ${aggregate} ${id} is in version ${actual}, not ${expected}. Read it again and decide anew.`,
});

/** An aggregate as its events made it. */
export interface Loaded<State> {
  readonly state: State;
  /** The sequence of its last event; 0 when there is none. */
  readonly version: number;
}

/** What a command made of an aggregate. */
export interface Executed<State> extends Loaded<State> {
  /** What was recorded, in order. */
  readonly events: readonly RecordedEvent[];
}

const PAGE = 500;

/** Reads an aggregate: its snapshot if it has one, and what happened since. */
export async function load<State, Command, E extends EventTypes>(
  db: { readonly connection: SqlConnection },
  aggregate: Aggregate<State, Command, E>,
  id: string,
): Promise<Loaded<State>> {
  const { connection } = db;
  const snapshot =
    aggregate.snapshotEvery === undefined ? undefined : await readSnapshot<State>(connection, aggregate, id);
  let { state, version } = snapshot ?? { state: aggregate.initial, version: 0 };
  const service = serviceOf(aggregate);
  for (;;) {
    const records = await readKey(connection, service, {
      key: id,
      afterSequence: version,
      limit: PAGE,
    });
    for (const record of records) {
      state = evolveBy(aggregate, state, record);
      version = record.sequence;
    }
    if (records.length < PAGE) return { state, version };
  }
}

/**
 * Decides on a command and records what follows, in the open transaction.
 * @throws {VersionConflict} when it is not in the expected version; the faults of `decide`; {TypeError} when a fact's
 *   key is not the aggregate's id.
 */
// oxlint-disable-next-line max-params -- the options are seldom given
export async function execute<State, Command, E extends EventTypes>(
  tx: Recorder & { readonly connection: SqlConnection },
  aggregate: Aggregate<State, Command, E>,
  id: string,
  command: Command,
  options: { readonly expectedVersion?: number } = {},
): Promise<Executed<State>> {
  const before = await load(tx, aggregate, id);
  const conflict = (expected: number, actual: number) =>
    VersionConflict.with({ aggregate: aggregate.name, id, expected, actual });
  if (options.expectedVersion !== undefined && options.expectedVersion !== before.version) {
    throw conflict(options.expectedVersion, before.version);
  }
  const events: RecordedEvent[] = [];
  let { state, version } = before;
  for (const fact of aggregate.decide(state, command)) {
    const event = await tx.emit(typeOf(aggregate, fact), fact.data);
    if (event.key !== id) {
      throw new TypeError(
        `The ${aggregate.name} ${id} decided on ${fact.type} with the key "${event.key}": the key must be its id.`,
      );
    }
    // Where transactions are not serial, another may have recorded something since the load.
    if (event.sequence !== version + 1) throw conflict(version, event.sequence - 1);
    state = evolveBy(aggregate, state, event);
    version = event.sequence;
    events.push(event);
  }
  if (isSnapshotDue(aggregate.snapshotEvery, before.version, version)) {
    await saveSnapshot(tx.connection, aggregate, id, { version, state });
  }
  return { state, version, events };
}

/** The state after a stored event; events that are not the aggregate's leave it as it is. */
function evolveBy<State, Command, E extends EventTypes>(
  aggregate: Aggregate<State, Command, E>,
  state: State,
  record: RecordedEvent,
): State {
  const event = Object.hasOwn(aggregate.events, record.type) ? aggregate.events[record.type] : undefined;
  if (event === undefined) return state;
  const { type, data } = upcast(event, record);
  return aggregate.evolve(state, { type, data } as unknown as FactOf<E>);
}

function typeOf(
  aggregate: { readonly name: string; readonly events: EventTypes },
  fact: { readonly type: string },
): EventType {
  const event = Object.hasOwn(aggregate.events, fact.type) ? aggregate.events[fact.type] : undefined;
  if (event === undefined)
    throw new TypeError(`The ${aggregate.name} decided on "${fact.type}", which is not one of its events.`);
  return event;
}

function serviceOf(aggregate: { readonly events: EventTypes }): string {
  return Object.values(aggregate.events)[0]?.service ?? "";
}

function isSnapshotDue(every: number | undefined, before: number, after: number): boolean {
  return every !== undefined && Math.floor(after / every) > Math.floor(before / every);
}
