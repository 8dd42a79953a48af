/** A small database of lists that keeps, or breaks, a level of isolation: it makes histories for tests. */
import { type ListOperation, type Name, type Transaction, append, read } from "../transaction.ts";

/** How transactions are isolated: as they should be, or without first-committer-wins, or not at all. */
export type Isolation = "serial" | "snapshot" | "read committed" | "lossy" | "dirty";

/** What a transaction is to do, by key. */
export interface Plan {
  readonly operations: readonly { readonly op: "append" | "read"; readonly key: Name }[];
  readonly end: "commit" | "abort" | "lose the answer" | "lose the request";
}

interface Run {
  readonly id: number;
  readonly plan: Plan;
  readonly startedAt: number;
  readonly snapshot: ReadonlyMap<Name, readonly Name[]>;
  readonly done: ListOperation[];
  readonly own: Map<Name, Name[]>;
  isRefused: boolean;
}

/** How transactions are run. */
export interface ExecuteOptions {
  /** Which of those under way takes its next step. */
  readonly schedule: (step: number) => number;
  /** How many are under way at once at most; 3 unless said. */
  readonly together?: number;
  /** The lists that one more transaction reads when all others have ended. */
  readonly readAtEnd?: readonly Name[];
}

/** Runs transactions side by side. Each takes effect between its start and its end. */
export function execute(plans: readonly Plan[], isolation: Isolation, options: ExecuteOptions): Transaction[] {
  const { schedule, together = 3, readAtEnd } = options;
  const database = new ListDatabase(isolation);
  const waiting = plans.map((plan, at) => ({ plan, id: at + 1 })).reverse();
  const running: Run[] = [];
  const history: Transaction[] = [];
  let time = 0;
  for (; waiting.length > 0 || running.length > 0; time += 1) {
    const choice = schedule(time) % together;
    const run = running[choice];
    const next = run === undefined ? waiting.pop() : undefined;
    if (next !== undefined) {
      running.push(database.begin(next.id, next.plan, time));
      continue;
    }
    const stepping = run ?? (running[choice % running.length] as Run);
    if (database.step(stepping)) continue;
    running.splice(running.indexOf(stepping), 1);
    history.push(database.end(stepping, time));
  }
  if (readAtEnd === undefined) return history;
  const last = database.begin(
    plans.length + 1,
    { operations: readAtEnd.map((key) => ({ op: "read", key })), end: "commit" },
    time,
  );
  while (database.step(last));
  return [...history, database.end(last, time + 1)];
}

class ListDatabase {
  readonly #isolation: Isolation;
  readonly #lists = new Map<Name, readonly Name[]>();
  readonly #locks = new Map<Name, Run>();
  #value = 0;

  constructor(isolation: Isolation) {
    this.#isolation = isolation;
  }

  begin(id: number, plan: Plan, startedAt: number): Run {
    return { id, plan, startedAt, snapshot: new Map(this.#lists), done: [], own: new Map(), isRefused: false };
  }

  /** Takes the next step of a transaction, or none if it is at its end. */
  step(run: Run): boolean {
    if (run.done.length === run.plan.operations.length || run.isRefused) return false;
    do {
      const { op, key } = run.plan.operations[run.done.length] as Plan["operations"][number];
      if (op === "read") run.done.push(read(key, this.#read(run, key)));
      else this.#append(run, key);
    } while (this.#isolation === "serial" && run.done.length < run.plan.operations.length);
    // A serial transaction has its effect at once, all of it in one step.
    if (this.#isolation === "serial" && takesEffect(run)) this.#commit(run);
    return true;
  }

  end(run: Run, endedAt: number): Transaction {
    const { id, startedAt, done, plan } = run;
    for (const [key, holder] of this.#locks) if (holder === run) this.#locks.delete(key);
    const conflicts = [...run.own.keys()].some((key) => this.#list(key) !== (run.snapshot.get(key) ?? NOTHING));
    if (run.isRefused || !takesEffect(run) || (this.#isolation === "snapshot" && conflicts)) {
      const isKnown = plan.end !== "lose the request" && plan.end !== "lose the answer";
      return { id, startedAt, endedAt, operations: done, outcome: isKnown ? "aborted" : "unknown" };
    }
    if (this.#isolation !== "serial") this.#commit(run);
    return { id, startedAt, endedAt, operations: done, outcome: plan.end === "commit" ? "committed" : "unknown" };
  }

  #read(run: Run, key: Name): readonly Name[] {
    const isLive = this.#isolation !== "snapshot" && this.#isolation !== "lossy";
    const base = isLive ? this.#list(key) : (run.snapshot.get(key) ?? NOTHING);
    return this.#isolation === "dirty" ? base : [...base, ...(run.own.get(key) ?? [])];
  }

  #append(run: Run, key: Name): void {
    if (this.#isolation === "read committed" && (this.#locks.get(key) ?? run) !== run) {
      run.isRefused = true;
      return;
    }
    this.#locks.set(key, run);
    this.#value += 1;
    run.done.push(append(key, this.#value));
    if (this.#isolation === "dirty") this.#lists.set(key, [...this.#list(key), this.#value]);
    else run.own.set(key, [...(run.own.get(key) ?? []), this.#value]);
  }

  #commit(run: Run): void {
    for (const [key, values] of run.own) {
      const base = this.#isolation === "lossy" ? (run.snapshot.get(key) ?? NOTHING) : this.#list(key);
      this.#lists.set(key, [...base, ...values]);
    }
  }

  #list(key: Name): readonly Name[] {
    return this.#lists.get(key) ?? NOTHING;
  }
}

function takesEffect({ plan }: Run): boolean {
  return plan.end === "commit" || plan.end === "lose the answer";
}

const NOTHING: readonly Name[] = [];
