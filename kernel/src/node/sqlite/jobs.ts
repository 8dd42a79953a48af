/** What waits for the writer. */
import { type SqlConnection, type TransactionOptions } from "../../store/mod.ts";
import type { Waiter } from "./wal-sync.ts";

/** A write that waits for its turn, then for its commit, then for the disk. */
export class WriteJob<T> implements Waiter {
  readonly kind = "write";
  readonly label: string;
  readonly deadlineAt: number | undefined;
  readonly body: (connection: SqlConnection) => Promise<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  /** What the body returned. */
  value: unknown;

  constructor(
    options: TransactionOptions,
    body: (connection: SqlConnection) => Promise<T>,
    settlers: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void },
  ) {
    this.label = options.label;
    this.deadlineAt = options.deadlineAt;
    this.body = body;
    this.#resolve = settlers.resolve;
    this.#reject = settlers.reject;
  }

  settle(error: unknown): void {
    if (error === undefined) this.#resolve(this.value as T);
    else this.#reject(error);
  }
}

/**
 * Something that needs the writer's connection to itself, with no group open: a migration, a read of a database in
 * memory. It manages its own transaction and never rejects.
 */
export interface AloneJob {
  readonly kind: "alone";
  readonly run: () => Promise<void>;
}
