/** The faults of sagas. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** A body did something else than its journal says it did before: the code changed, or it is not a function of its input. */
export const Nondeterministic: FaultType<{ saga: string; detail: string }> = defineFault({
  code: "saga/nondeterministic",
  kind: "broken",
  message: ({ saga, detail }) =>
    `The saga ${saga} does not repeat what its journal holds: ${detail}. ` +
    "Bring back the code that it began with under its version, and give the changed one a new version.",
});

/** The code of a saga that is still under way is gone. */
export const CodeMissing: FaultType<{ saga: string; version: number }> = defineFault({
  code: "saga/code-missing",
  kind: "broken",
  message: ({ saga, version }) =>
    `Version ${version} of the saga "${saga}" is under way, but the service no longer lists it in "sagas". ` +
    "Keep each version until its last instance has ended.",
});

/** A body used a name twice, or one that steps cannot have. */
export const StepName: FaultType<{ saga: string; name: string; detail: string }> = defineFault({
  code: "saga/step-name",
  kind: "broken",
  message: ({ saga, name, detail }) => `The step "${name}" of the saga ${saga} ${detail}.`,
});

/** What a body returned, or gave to the journal, is not what it declared. */
export const OutputBroken: FaultType<{ saga: string }> = defineFault({
  code: "saga/output-broken",
  kind: "broken",
  message: ({ saga }) => `The saga ${saga} returned something that does not fit its output schema.`,
});

/** An operator ended the saga. */
export const Aborted: FaultType = defineFault<unknown>({
  code: "saga/aborted",
  kind: "conflict",
  message: () => "An operator ended the saga.",
});

/** There is no saga with this id. */
export const SagaMissing: FaultType<{ id: string }> = defineFault({
  code: "saga/missing",
  kind: "missing",
  message: ({ id }) => `There is no saga with the id "${id}".`,
});

/** The sagas of the service are run by another replica; only that one can do this. */
export const SagaElsewhere: FaultType<{ id: string }> = defineFault({
  code: "saga/elsewhere",
  kind: "unavailable",
  message: ({ id }) => `The saga ${id} is run by another replica of its service. Repeat: the call may get there.`,
});
