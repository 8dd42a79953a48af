/** sim: the whole system as one deterministic program, attacked from one seed. */
export { type Actor, type ActorContext, type Answer, type Asking, type CallOptions, actor } from "./actors.ts";
export { type CheckOptions, type CheckReport, SimulationFailed, checkSimulation } from "./check-simulation.ts";
export { FAULTS, FAULT_KINDS, type FaultKind, type FaultRates, type FaultRecord, faultId } from "./faults.ts";
export type { EventKind, SimEvent } from "./history.ts";
export type { PlacementStyle } from "./placement.ts";
export { type Check, type Property, type SimState, always, eventually, sometimes } from "./properties.ts";
export { deadLetters } from "./rest.ts";
export { between, forkedRandom, pick } from "./random.ts";
export { runSeed } from "./run-seed.ts";
export { type RunResult, type SeedOptions, type SimViolation, type Simulation, simulation } from "./simulation.ts";
export { TRIPS_MAX, type Trip, UncontrolledSource } from "./tripwires/alarm.ts";
export { type TripwireOptions, type Tripwires, armTripwires, sourceNames } from "./tripwires/arm.ts";
