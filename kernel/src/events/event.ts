/** Events as they are stored and delivered. */
import type { DataOf, EventType } from "../contract/mod.ts";
import type { Writer } from "../store/mod.ts";

/** Who caused an event: kept with it for the audit trail. */
export interface Actor {
  /** The service whose call or event led to it; absent when it began there. */
  readonly service?: string;
  /** The end user behind it. */
  readonly subject?: string;
}

/** An event in its service's log. */
export interface EventRecord<Data = unknown> {
  /** Unique over all services: what inboxes recognise repeats by. */
  readonly id: string;
  readonly service: string;
  /** The event's name in the contract. */
  readonly type: string;
  /** The version of the data. Handlers see the newest: older ones were upcast. */
  readonly version: number;
  /** What it is about; events with equal keys are delivered in order. */
  readonly key: string;
  /** 1, 2, 3, … without gap or repeat within (service, key). */
  readonly sequence: number;
  /** The place in the service's log: increasing, with gaps. */
  readonly position: number;
  /** When it was recorded, milliseconds since 1970. */
  readonly at: number;
  readonly data: Data;
  readonly actor: Actor;
  /** The W3C `traceparent` of the transaction that recorded it; delivery continues this trace. */
  readonly trace: string | undefined;
}

/** An event whose transaction is still open: its place in the log is known when others can see it. */
export type RecordedEvent<Data = unknown> = Omit<EventRecord<Data>, "position">;

/** Records events in the open transaction: they exist exactly when its changes do. */
export interface Recorder {
  /**
   * Appends an event to the service's log.
   * @throws {Invalid} when the data does not fit the event's schema, {EventDataTooLarge} when it is more than 512 KiB,
   * {TypeError} when it is another service's event.
   */
  emit<E extends EventType>(event: E, data: DataOf<E>): Promise<RecordedEvent<DataOf<E>>>;
}

/** A transaction in which a service changes its tables and records events. */
export interface EventWriter<DB> extends Writer<DB>, Recorder {}
