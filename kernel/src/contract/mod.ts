/** contract: what a service promises to others. */
export { type AccessRule, anyone, owner, permission, services, user } from "./access.ts";
export {
  type Call,
  type Contract,
  type ContractBase,
  type ContractOptions,
  type DataOf,
  type EventType,
  type InputOf,
  type OutputOf,
  contract,
} from "./contract.ts";
export { type Change, type Order, type Party, type Verdict, verdictOf } from "./diff/change.ts";
export { contractChanges } from "./diff/diff.ts";
export { type ContractPlan, type Precedence, contractPlan } from "./diff/plan.ts";
export { contractReport } from "./diff/report.ts";
export {
  type ContractSnapshot,
  type EventSnapshot,
  type FaultSnapshot,
  type OperationSnapshot,
  type Reliance,
  snapshotOf,
} from "./diff/snapshot.ts";
export { type DeclaredFault, fault } from "./fault.ts";
export { type HttpBinding, type HttpMethod, http, pathFields } from "./http.ts";
export type { Identity } from "./identity.ts";
export {
  type CacheOptions,
  type Command,
  type Criticality,
  type EventDefinition,
  type EventOptions,
  type Operation,
  type OperationOptions,
  type Query,
  type QueryOptions,
  type Upcast,
  command,
  event,
  query,
} from "./operation.ts";
export { NO_LOCK, type LockedField, type LockedMessage, type ProtoLock } from "./protobuf/lock.ts";
export { type Proto, type ProtoMethod, protoOf } from "./protobuf/proto.ts";
