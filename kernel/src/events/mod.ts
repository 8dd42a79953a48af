/** events: the log, its delivery, and effects that happen once. */
export type { Broker, LogRun } from "./broker.ts";
export {
  BeyondLog,
  BrokerRefused,
  BrokerUnavailable,
  EventDataTooLarge,
  EventTooLarge,
  EventsExpired,
} from "./broker-faults.ts";
export { Consumer, type ConsumerOptions, type ConsumerStats, type Outcome } from "./consumer.ts";
export type { ConsumerLimits } from "./consumer-limits.ts";
export {
  type DeadLetter,
  type DeadLetterRange,
  type Redriven,
  type Redriver,
  type Transact,
  countDeadLetters,
  countDeadLettersOf,
  discardDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
  redriveDeadLetters,
} from "./dead-letters.ts";
export type { Actor, EventRecord, EventWriter, RecordedEvent, Recorder } from "./event.ts";
export { ForeignMessages } from "./foreign-messages.ts";
export type { Hints } from "./hints.ts";
export { type HoledRun, type Holes, checkHoles, holedRunAt, holesAfter } from "./holes.ts";
export { INBOX_RETENTION_MS, pruneInbox, readCursor } from "./inbox.ts";
export { EVENT_BYTES_MAX, type LogRange, type NewEvent, appendEvent, logHead, readKey, readLog } from "./log.ts";
export { EventsPruned, pruneLog, prunedUpTo } from "./log-pruning.ts";
export { logPositionAt } from "./log-position.ts";
export { LogSource, type LogSourceOptions, logSource } from "./log-source.ts";
export { eventsMigrations } from "./migrations.ts";
export { type RecorderOptions, recorderOn } from "./recorder.ts";
export { Relay, type RelayOptions } from "./relay.ts";
export { resetConsumer } from "./replay.ts";
export { type KeptRun, RunReader, type RunReaderOptions, type RunStore } from "./run-reader.ts";
export { type KeptEvent, type PieceLimits, type RunPiece, piecesOf, readRun, recordOf } from "./run-text.ts";
export type { EventBatch, EventSource, ReadRequest } from "./source.ts";
export { UpcastMissing, VersionUnknown, checkUpcasts, upcast } from "./upcast.ts";
