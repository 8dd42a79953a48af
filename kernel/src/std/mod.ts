/** std: the words that everything else is made of. Imports nothing. */
export { type Clock, type Timer, fromInstant, sleep, toInstant } from "./clock.ts";
export {
  Broken,
  Fault,
  type FaultCode,
  type FaultData,
  type FaultDefinition,
  type FaultKind,
  type FaultType,
  defineFault,
  faultFrom,
  isFault,
  toFault,
} from "./fault.ts";
export { type Ids, uuidV7 } from "./ids.ts";
export { DEPTH_MAX, type Json, canonicalJson, copyJson } from "./json.ts";
export { type LogFields, type LogLevel, type Logger, silentLogger } from "./log.ts";
export { LogBudget } from "./log-budget.ts";
export type { Random } from "./random.ts";
