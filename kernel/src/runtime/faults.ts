/** The faults that the runtime itself raises. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** A service called another that it does not list in `uses`. Declare it: rights and documents come from there. */
export const Undeclared: FaultType<{ caller: string; service: string }> = defineFault({
  code: "kernel/undeclared",
  kind: "denied",
  message: ({ caller, service }) => `The service "${caller}" calls "${service}" without listing it in "uses".`,
});

/** No service of that name, or no operation of that name in it. */
export const UnknownOperation: FaultType<{ operation: string }> = defineFault({
  code: "kernel/unknown-operation",
  kind: "missing",
  message: ({ operation }) => `There is no operation "${operation}" in this system.`,
});

/** What an operator asks for is not there: the service has no sagas, or hears nothing of that source by that name. */
export const NotOperated: FaultType<{ detail: string }> = defineFault({
  code: "kernel/not-operated",
  kind: "missing",
  message: ({ detail }) => detail,
});

/** A handler called out while its transaction was open, which would hold locks for as long as the network likes. */
export const CallInTransaction: FaultType<{ operation: string; target: string }> = defineFault({
  code: "kernel/call-in-transaction",
  kind: "broken",
  message: ({ operation, target }) =>
    `${operation} calls ${target} while its transaction is open. Call first, then open it.`,
});

/** A command opened a second transaction, so its changes could not be all or nothing. */
export const TransactionUsed: FaultType<{ operation: string }> = defineFault({
  code: "kernel/transaction-used",
  kind: "broken",
  message: ({ operation }) => `${operation} opens a second transaction. A command has one: put all its changes in it.`,
});

/** A command returned something else than what its transaction returned, so a repetition would answer otherwise. */
export const OutputNotCommitted: FaultType<{ operation: string }> = defineFault({
  code: "kernel/output-not-committed",
  kind: "broken",
  message: ({ operation }) => `${operation} must return just what its transaction returned.`,
});

/** A query called a command. Queries change nothing, so that they may be repeated and cached. */
export const CommandInQuery: FaultType<{ operation: string; target: string }> = defineFault({
  code: "kernel/command-in-query",
  kind: "broken",
  message: ({ operation, target }) => `The query ${operation} calls the command ${target}. Make it a command.`,
});

/** The idempotency key was used before with another input. Take a new key for a new request. */
export const KeyReused: FaultType<{ operation: string }> = defineFault({
  code: "kernel/key-reused",
  kind: "invalid",
  message: ({ operation }) => `This idempotency key was used for another request to ${operation}. Use a new key.`,
});

/** A request with this idempotency key is being worked on. Repeat it later to get its answer. */
export const KeyInFlight: FaultType<{ operation: string; retryAfterMs: number }> = defineFault({
  code: "kernel/key-in-flight",
  kind: "conflict",
  message: ({ operation }) => `A request to ${operation} with this idempotency key is still running. Repeat it later.`,
});

/** The service sent something that its own contract does not allow: a bug of the service. */
export const OutputInvalid: FaultType<{ operation: string; detail: string }> = defineFault({
  code: "kernel/output-invalid",
  kind: "broken",
  message: ({ operation }) => `${operation} answered with something that its contract does not allow.`,
});

/** The host is stopping and takes no new calls. Repeat: another host, or this one later, will. */
export const Draining: FaultType<undefined> = defineFault({
  code: "kernel/draining",
  kind: "unavailable",
  message: () => "This host is stopping and takes no new calls. Repeat the call.",
});

/** Another replica of the service leads now: what this one had begun on its own goes on there. */
export const LeaseLost: FaultType<{ service: string }> = defineFault({
  code: "kernel/lease-lost",
  kind: "unavailable",
  message: ({ service }) => `Another replica of "${service}" leads now, and goes on with this.`,
});

/** The operator's service sees the host that it is in, and this service is in another. */
export const OperatedElsewhere: FaultType<{ service: string }> = defineFault({
  code: "kernel/operated-elsewhere",
  kind: "missing",
  message: ({ service }) =>
    `"${service}" runs in another process than the operator's service, and nothing here can ask that one. ` +
    `Place them together, or look at its database.`,
});

/** The party could not be reached, or did not answer well or in time. Whether it acted is unknown. */
export const HttpFailed: FaultType<{ host: string; reason: string }> = defineFault({
  code: "kernel/http-failed",
  kind: "unavailable",
  message: ({ host, reason }) => `No answer from ${host}: ${reason}.`,
});

/**
 * A service cannot start with the settings that it is given. Nothing was started; mend what gives them. No value of a setting
 * is told.
 */
export const SettingsUnfit: FaultType<{ service: string; problems: readonly string[]; from: string }> = defineFault({
  code: "kernel/settings-unfit",
  kind: "invalid",
  message: ({ service, problems, from }) =>
    `The settings of ${service} do not fit: ${problems.join("; ")}. They come from ${from}. ` +
    `How they are given: docs/guide/service.md, "Settings and secrets".`,
});
