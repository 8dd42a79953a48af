/** runtime: carries calls out and holds the kernel's promises while it does. */
export type {
  Attempt,
  CommandContext,
  Context,
  EventContext,
  EventHandler,
  HttpRequest,
  HttpResponse,
  NamesOf,
  QueryContext,
  Tx,
} from "./context.ts";
export {
  type Job,
  type JobContext,
  type Projection,
  type Service,
  type ServiceOptions,
  type Subscription,
  implement,
  subscribe,
} from "./service.ts";
export { type External, external } from "./external.ts";
export type { AskFleet, Elsewhere, OperatorQuestion } from "./elsewhere.ts";
export {
  CallInTransaction,
  CommandInQuery,
  Draining,
  HttpFailed,
  KeyInFlight,
  KeyReused,
  LeaseLost,
  NotOperated,
  OperatedElsewhere,
  OutputInvalid,
  OutputNotCommitted,
  SettingsUnfit,
  TransactionUsed,
  Undeclared,
  UnknownOperation,
} from "./faults.ts";
export { Host, type HostOptions, type Invocation } from "./host.ts";
export { type Mail, type MailPort, MailRefused, MailUnavailable, MailUnknown } from "./mail.ts";
export { sharesAnswers } from "./outbound.ts";
export { AnswerUnfit, readingTransport } from "./reading.ts";
export { type Settings, type System, type SystemOptions, defineSystem } from "./system.ts";
export { systemSnapshots } from "./snapshots.ts";
export type { Fetch, World } from "./world.ts";
export type { HostView } from "./host-view.ts";
export { operatorService } from "./operator.ts";
export { type LetterPlace, letterPage } from "./letter-pages.ts";
export { LIMIT as OPERATOR_LIMIT, askOperator, isOperation } from "./operator-actions.ts";
export { operator } from "./operator-contract.ts";
