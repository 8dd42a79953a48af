/** sourcing: aggregates whose state is what their events say. */
export {
  type Aggregate,
  type AggregateOptions,
  type EventTypes,
  type FactOf,
  checkKept,
  defineAggregate,
} from "./aggregate.ts";
export { sourcingMigrations } from "./snapshots.ts";
export { type Specification, type Then, type When, specify } from "./specification.ts";
export { type Executed, type Loaded, VersionConflict, type VersionConflictData, execute, load } from "./store.ts";
