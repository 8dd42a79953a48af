/** sim: the whole system as one deterministic program, attacked from one seed. */
export { type Actor, type ActorContext, type Answer, type Asking, type CallOptions, actor } from "./actors.ts";
export { type KeptCase, caseOf, keepCase, readCases } from "./batch/cases.ts";
export {
  AREAS,
  type Area,
  type Coverage,
  type Reached,
  type Required,
  mergeCoverage,
  missingIn,
} from "./batch/coverage.ts";
export { coverageTable } from "./batch/coverage-table.ts";
export type { Difference, FirstDifference } from "./batch/difference.ts";
export type { SeedOutcome, SeedTask } from "./batch/outcome.ts";
export { type StepEvent, coverageOf } from "./batch/reached.ts";
export { type BatchOptions, type BatchProgress, type BatchResult, runBatch } from "./batch/run-batch.ts";
export { type ShrinkOptions, type ShrinkProgress, type Shrunk, shrink } from "./batch/shrink.ts";
export { type CheckOptions, SimulationFailed, checkSimulation } from "./check-simulation.ts";
export { FAULTS, FAULT_KINDS, type FaultKind, type FaultRates, type FaultRecord, faultId } from "./faults.ts";
export type { EventKind, SimEvent } from "./history.ts";
export type { PlacementStyle } from "./placement.ts";
export { type SimulatedFleet, openSimulatedFleet } from "./by-hand.ts";
export { type Check, type Property, type SimState, always, eventually, sometimes } from "./properties.ts";
export { type SimCommandOptions, simCommand } from "./report/command.ts";
export { type FailureOptions, type FailureReport, replayCommand, reportFailure } from "./report/failure.ts";
export { storyLines } from "./report/telling.ts";
export { deadLetters } from "./rest.ts";
export { between, forkedRandom, pick } from "./random.ts";
export type { Terminal } from "./real/terminal.ts";
export type { SimulationSource } from "./real/workers.ts";
export { runSeed } from "./run-seed.ts";
export type { SagaStepTrace, SagaTrace } from "./saga-traces.ts";
export { type RunResult, type SeedOptions, type SimViolation, type Simulation, simulation } from "./simulation.ts";
export { TRIPS_MAX, type Trip, UncontrolledSource } from "./tripwires/alarm.ts";
export { type TripwireOptions, type Tripwires, armTripwires, sourceNames } from "./tripwires/arm.ts";
