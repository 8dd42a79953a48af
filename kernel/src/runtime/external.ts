/** Services that others run, in any language: known by their contract, reached over HTTP with JSON or gRPC. */
import type { ContractBase } from "../contract/mod.ts";

/** A service that is not implemented here. */
export interface External {
  readonly contract: ContractBase;
  /** What it calls in turn. Other services refuse it, as they refuse everybody who does not say so. */
  readonly uses: readonly ContractBase[];
}

/**
 * Declares an external service, for `externals` of a system. Calls to it are made as to any other: declared in `uses`,
 * with the contract's deadline, retries and keys. It keeps the promises that it keeps: a command's key reaches it.
 * @throws {TypeError} when the contract has events: others cannot hear what no log of ours holds.
 */
export function external(contract: ContractBase, options: { readonly uses?: readonly ContractBase[] } = {}): External {
  const [event] = Object.keys(contract.events);
  if (event !== undefined)
    throw new TypeError(
      `The external service "${contract.name}" has the event "${event}"; give it a command to call instead.`,
    );
  return { contract, uses: options.uses ?? [] };
}
