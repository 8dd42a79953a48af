/** check: verdicts on recorded histories, as pure functions. */
export { linearizabilityText } from "./linearizable-text.ts";
export {
  type Linearizability,
  type LinearizableOptions,
  STEPS_MAX,
  type Violation,
  linearizable,
} from "./linearizable.ts";
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
