/** check: verdicts on recorded histories, as pure functions. */
export type { Anomaly, AnomalyName, CycleName, IsolationLevel } from "./anomaly.ts";
export { EXAMPLES_MAX } from "./findings.ts";
export { linearizabilityText } from "./linearizable-text.ts";
export {
  type Linearizability,
  type LinearizableOptions,
  STEPS_MAX,
  type Violation,
  linearizable,
} from "./linearizable.ts";
export { type ListAppendResult, checkListAppend, listAppendText } from "./list-append.ts";
export {
  type CasRegisterInput,
  type CounterInput,
  type KeyValueInput,
  type RegisterInput,
  casRegisterModel,
  counterModel,
  keyValueModel,
  registerModel,
} from "./models.ts";
export type { Applied, Completion, Model, Operation, Scalar } from "./operation.ts";
export { type ListOperation, type Name, type Transaction, append, read } from "./transaction.ts";
