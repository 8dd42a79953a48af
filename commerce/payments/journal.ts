/** The ledger as double entry: each success moves money from one account to another, so debits equal credits. */
import { type Fact, type PaymentState, fold } from "./domain.ts";

/**
 * The accounts. `held`: what customers' banks hold for us; `promised`: its counterpart, not ours yet;
 * `provider`: what the provider owes us; `customers`: what customers have paid for their orders.
 */
export type Account = "held" | "promised" | "provider" | "customers";

/** One line of the journal. Either debit or credit is zero. Minor units. */
export interface JournalLine {
  readonly account: Account;
  readonly debit: number;
  readonly credit: number;
  /** The fact that it comes from. */
  readonly ref: string;
}

/** The journal of one payment. */
export function journalOf(facts: readonly Fact[]): readonly JournalLine[] {
  const { authorized, voided } = fold(facts);
  const lines: JournalLine[] = [];
  if (authorized > 0) lines.push(...move("held", "promised", authorized, refOf(facts, "authorize")));
  for (const fact of successes(facts, "capture")) {
    lines.push(
      ...move("promised", "held", fact.amount, fact.ref),
      ...move("provider", "customers", fact.amount, fact.ref),
    );
  }
  if (voided > 0) lines.push(...move("promised", "held", voided, refOf(facts, "void")));
  for (const fact of successes(facts, "refund")) lines.push(...move("customers", "provider", fact.amount, fact.ref));
  return lines;
}

/** Debits less credits of each account, in minor units. */
export function balances(lines: readonly JournalLine[]): Readonly<Record<Account, number>> {
  const sums: Record<Account, number> = { held: 0, promised: 0, provider: 0, customers: 0 };
  for (const { account, debit, credit } of lines) sums[account] += debit - credit;
  return sums;
}

/**
 * What is wrong with a payment's books; empty when all is well. Debits equal credits, nothing is taken that was not
 * held, nothing is given back that was not taken, and the accounts say what the state says.
 */
export function auditOf(facts: readonly Fact[], state: PaymentState): readonly string[] {
  const lines = journalOf(facts);
  const accounts = balances(lines);
  const problems: string[] = [];
  const debits = lines.reduce((sum, line) => sum + line.debit, 0);
  const credits = lines.reduce((sum, line) => sum + line.credit, 0);
  if (debits !== credits) problems.push(`debits ${debits} differ from credits ${credits}`);
  if (accounts.held + accounts.promised !== 0) problems.push("holds and promises differ");
  if (accounts.provider + accounts.customers !== 0) problems.push("the provider's and the customers' accounts differ");
  if (accounts.provider !== state.captured - state.refunded)
    problems.push("the provider's account is not what was taken");
  if (accounts.held !== state.authorized - state.voided - state.captured)
    problems.push("the holds are not what is held");
  if (state.captured > state.authorized) problems.push("more was captured than authorized");
  if (state.refunded > state.captured) problems.push("more was refunded than captured");
  return problems;
}

function move(to: Account, from: Account, amount: number, ref: string): [JournalLine, JournalLine] {
  return [
    { account: to, debit: amount, credit: 0, ref },
    { account: from, debit: 0, credit: amount, ref },
  ];
}

function successes(facts: readonly Fact[], kind: "capture" | "refund"): Fact[] {
  const failed = new Set(facts.filter((fact) => fact.kind === kind && fact.phase === "failure").map(({ ref }) => ref));
  const unique = new Map(
    facts.filter((fact) => fact.kind === kind && fact.phase === "success").map((fact) => [fact.ref, fact]),
  );
  return [...unique.values()].filter((fact) => kind === "capture" || !failed.has(fact.ref));
}

function refOf(facts: readonly Fact[], kind: "authorize" | "void"): string {
  return facts.find((fact) => fact.kind === kind && fact.phase === "success")?.ref ?? "";
}
