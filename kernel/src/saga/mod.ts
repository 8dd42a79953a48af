/** saga: durable workflows across services. */
export { SagaEngine, type SagaStats } from "./engine.ts";
export {
  Aborted,
  CodeMissing,
  Nondeterministic,
  OutputBroken,
  SagaElsewhere,
  SagaMissing,
  StepName,
} from "./faults.ts";
export type { SagaListRequest } from "./list.ts";
export { pruneSagas, sagaMigrations } from "./migrations.ts";
export type { SagaCallOptions, SagaEngineOptions, SagaLimits, SagaObserver } from "./options.ts";
export type { SagaOrigin } from "./records.ts";
export {
  type Saga,
  type SagaContext,
  type SagaOptions,
  type SagaSignal,
  type SagaStarter,
  type SagaStatus,
  type SagaView,
  type StepOptions,
  saga,
  signal,
} from "./saga.ts";
