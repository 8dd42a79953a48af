/** Contracts as plain data: what is kept of a version, so that the next one can be compared with it. */
import type { FaultKind } from "../../std/mod.ts";
import type { SchemaData } from "../../schema/mod.ts";
import type { AccessRule } from "../access.ts";
import type { ContractBase } from "../contract.ts";
import type { HttpBinding } from "../http.ts";
import type { Criticality, Operation } from "../operation.ts";

/** A fault of an operation. */
export interface FaultSnapshot {
  readonly code: string;
  readonly kind: FaultKind;
  readonly data?: SchemaData;
}

/** A command or a query. */
export interface OperationSnapshot {
  readonly kind: "command" | "query";
  readonly input: SchemaData;
  readonly output: SchemaData;
  readonly faults: readonly FaultSnapshot[];
  readonly allow: readonly AccessRule[];
  readonly deadlineMs?: number;
  readonly criticality?: Criticality;
  readonly cache?: { readonly maxAgeMs: number; readonly sameForAll?: boolean };
  readonly staleMaxMs?: number;
  readonly http?: HttpBinding;
}

/** An event, with the schema of its newest version. */
export interface EventSnapshot {
  readonly key: string;
  readonly version: number;
  readonly data: SchemaData;
  /** How long it stays in the log, in milliseconds; for ever when absent. */
  readonly keepMs?: number;
}

/** One version of a contract, and what its service relies on. */
export interface ContractSnapshot {
  /** The version of this format. */
  readonly format: 1;
  readonly name: string;
  readonly version: string;
  readonly permissions: readonly string[];
  readonly operations: Readonly<Record<string, OperationSnapshot>>;
  readonly events: Readonly<Record<string, EventSnapshot>>;
  /** The services that this one calls, where that is known. */
  readonly uses?: readonly string[];
  /** The events that it hears, `service.event`, where that is known. */
  readonly hears?: readonly string[];
}

/** What a service relies on. */
export interface Reliance {
  readonly uses: readonly string[];
  readonly hears: readonly string[];
}

/** The snapshot of a contract: JSON data, the same for the same contract. */
export function snapshotOf(contract: ContractBase, reliance?: Reliance): ContractSnapshot {
  const operations = Object.entries<Operation>({ ...contract.commands, ...contract.queries });
  const snapshot = {
    format: 1 as const,
    name: contract.name,
    version: contract.version,
    permissions: Object.keys(contract.permissions).toSorted(),
    operations: Object.fromEntries(operations.toSorted(byName).map(([name, operation]) => [name, takenOf(operation)])),
    events: Object.fromEntries(
      Object.entries(contract.events)
        .toSorted(byName)
        .map(([name, { definition }]) => [
          name,
          { key: definition.key, version: definition.version, data: definition.data, keepMs: definition.keepMs },
        ]),
    ),
    ...(reliance && { uses: reliance.uses.toSorted(), hears: reliance.hears.toSorted() }),
  };
  // As JSON and back: what TypeBox keeps beside its keywords is not part of it.
  return JSON.parse(JSON.stringify(snapshot)) as ContractSnapshot;
}

function takenOf(operation: Operation): unknown {
  const { kind, input, output, faults = [], allow, deadlineMs, criticality, http } = operation;
  return {
    ...{ kind, input, output, allow, deadlineMs, criticality, http },
    faults: faults.map((fault) => ({ code: fault.code, kind: fault.kind, data: fault.schema })),
    cache: operation.kind === "query" ? operation.cache : undefined,
    staleMaxMs: operation.kind === "query" ? operation.staleMaxMs : undefined,
  };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
