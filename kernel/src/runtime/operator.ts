/**
 * The service behind the operator's contract. It owns no data: it works on the host that it runs in, whose tables of
 * sagas and dead letters are the kernel's and not a service's. Where it can ask the other hosts, it works on all of them.
 */
import type { CommandContext } from "./context.ts";
import { UnknownOperation } from "./faults.ts";
import type { HostView } from "./host-view.ts";
import { type OperatorActions, fleetActions, loneActions } from "./operator-actions.ts";
import { operator } from "./operator-contract.ts";
import { type Service, implement } from "./service.ts";

/** Makes the operator's service: one for each host. */
export function operatorService(): Service {
  let attached: OperatorActions | undefined;
  const acts = (): OperatorActions => {
    if (attached === undefined) throw UnknownOperation.with({ operation: "operator" });
    return attached;
  };
  const service = implement()(operator, {
    commands: {
      retrySaga: async (which, ctx) => noted(ctx, await acts().retrySaga(which)),
      abortSaga: async (which, ctx) => noted(ctx, await acts().abortSaga(which)),
      redrive: async (which, ctx) => noted(ctx, await acts().redrive(which)),
      discard: async (which, ctx) => noted(ctx, await acts().discard(which)),
      rebuild: async (which, ctx) => noted(ctx, await acts().rebuild(which)),
      skip: async (which, ctx) => noted(ctx, await acts().skip(which)),
    },
    queries: {
      sagas: (which) => acts().sagas(which),
      deadLetters: (which) => acts().deadLetters(which),
      consumers: (which) => acts().consumers(which),
    },
  });
  return {
    ...service,
    attach: (view: HostView) => {
      attached = view.askFleet === undefined ? loneActions(view) : fleetActions(view.askFleet);
    },
  };
}

/** The answer under the command's key, so that a repetition gets it and does nothing. */
function noted<T>(ctx: CommandContext<Record<never, never>, never>, output: T): Promise<T> {
  return ctx.transaction(() => Promise.resolve(output));
}
