/** Where consumers read events from: a service's log here, JetStream in a fleet. */
import type { EventRecord } from "./event.ts";
import type { Holes } from "./holes.ts";

/** What a consumer asks a source for. */
export interface ReadRequest {
  /** Events after this position; 0 is the beginning. */
  readonly after: number;
  /** The most events to look at. */
  readonly limit: number;
  /** Only events of these types; all when absent. */
  readonly types?: ReadonlySet<string>;
  /** What was deleted up to this position is known to be missing: it is read past. Nothing is unless said. */
  readonly missed?: number;
}

/** What a source answers. */
export interface EventBatch {
  /** In order of position, as they were stored (not upcast). Shared with nobody: the reader may keep or change them. */
  readonly events: readonly EventRecord[];
  /** Everything up to this position was looked at: the next read goes on after it. */
  readonly upTo: number;
  /** Whether there is more to read at once. */
  readonly more: boolean;
  /** What of these types, after the position that was asked for, was deleted before this was read. */
  readonly holes?: Holes;
}

/** The events of one service, in the order of their positions. Only committed and durable events come out. */
export interface EventSource {
  /** The service whose events these are. */
  readonly service: string;
  /** Whether it may be behind the log whose events it gives: then its head says nothing about the log's. */
  readonly isCopy?: boolean;
  /** @throws {EventsPruned} or {EventsExpired} when events after the position are gone, and not known to be missing. */
  read(request: ReadRequest): Promise<EventBatch>;
  /** The position after which it has all events of these types, of all types unless said; 0 when none is gone. */
  begin(types?: ReadonlySet<string>): Promise<number>;
  /** The position of the last event, 0 when there is none. */
  head(): Promise<number>;
  /** Calls the listener when there may be something new. Returns what ends it. */
  onAppend(listener: () => void): () => void;
}
