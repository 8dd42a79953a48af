/** Recording events: checks what a service emits and appends it in the open transaction. */
import type { ContractBase, DataOf, EventType } from "../contract/mod.ts";
import { type Validator, validator } from "../schema/mod.ts";
import type { Clock, Ids } from "../std/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import type { Actor, RecordedEvent, Recorder } from "./event.ts";
import { appendEvent } from "./log.ts";

/** What {@link recorderOn} needs; one object serves one transaction or many. */
export interface RecorderOptions {
  /** The service that records, and the events of its contract. */
  readonly service: string;
  readonly events: ContractBase["events"];
  readonly ids: Ids;
  readonly clock: Clock;
  readonly actor: Actor;
  /** The W3C `traceparent` to continue at delivery. */
  readonly trace: string | undefined;
}

const validators = new WeakMap<EventType, Validator<unknown>>();

function validatorOf(event: EventType): Validator<unknown> {
  let found = validators.get(event);
  if (found === undefined) {
    found = validator(event.definition.data, `data of ${event.service}.${event.name}`);
    validators.set(event, found);
  }
  return found;
}

/** The recorder of one open transaction. */
export function recorderOn(connection: SqlConnection, options: RecorderOptions): Recorder {
  return {
    emit: <E extends EventType>(event: E, data: DataOf<E>) => record(connection, options, event, data),
  };
}

async function record<E extends EventType>(
  connection: SqlConnection,
  options: RecorderOptions,
  event: E,
  data: DataOf<E>,
): Promise<RecordedEvent<DataOf<E>>> {
  const { name, definition } = event;
  if (event.service !== options.service || options.events[name]?.definition !== definition) {
    throw new TypeError(
      `${options.service} cannot emit ${event.service}.${name}: services record only their own events.`,
    );
  }
  const checked = validatorOf(event).parse(data) as DataOf<E>;
  return appendEvent(connection, {
    id: options.ids.next(),
    service: options.service,
    type: name,
    version: definition.version,
    key: keyOf(event, checked),
    at: options.clock.now(),
    data: checked,
    actor: options.actor,
    trace: options.trace,
  });
}

function keyOf(event: EventType, data: unknown): string {
  const value = (data as Readonly<Record<string, unknown>>)[event.definition.key];
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new TypeError(
    `${event.service}.${event.name} has no "${event.definition.key}" to be ordered by: it must be a text or a number.`,
  );
}
