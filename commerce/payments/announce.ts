/** Tells others what new facts mean: each event once, because each fact is new once. */
import type { DataOf } from "@isomer/kernel/contract";
import type { EventWriter } from "@isomer/kernel/events";
import { payments } from "./contract.ts";
import { type Fact, type PaymentState, type PaymentStatus, hasGrown, keptOf } from "./domain.ts";
import type { PaymentRow, Tables } from "./tables.ts";

const { events } = payments;

/** What all events carry. */
type About = DataOf<typeof events.authorized>;

/** What changed. */
export interface News {
  /** The row after it. */
  readonly row: PaymentRow;
  readonly before: PaymentState;
  readonly after: PaymentState;
  /** The facts that are new. */
  readonly fresh: readonly Fact[];
  /** All facts. */
  readonly all: readonly Fact[];
}

/** Records the events of a change, in the transaction that makes it. */
export async function announce(tx: EventWriter<Tables>, news: News): Promise<void> {
  const { row, before, after } = news;
  const became = (status: PaymentStatus): boolean => before.status !== status && after.status === status;
  const about = (amount: number): About => aboutOf(news, amount);

  if (before.status === "unknown" && after.status !== "unknown")
    await tx.emit(events.unknownResolved, about(row.amount));
  if (became("requires_action")) {
    await tx.emit(events.requiresAction, { ...about(row.amount), redirectUrl: after.redirectUrl ?? "" });
  }
  if (became("declined"))
    await tx.emit(events.declined, { ...about(row.amount), reason: after.declineCode ?? "declined" });
  if (became("failed")) await tx.emit(events.failed, { ...about(row.amount), reason: "nothing came of it" });
  if (HELD.has(after.status) && !HELD.has(before.status)) await tx.emit(events.authorized, about(after.authorized));
  for (const fact of news.fresh) await announceMovement(tx, fact, news);
  if (became("canceled") || (after.voided > 0 && before.voided === 0))
    await tx.emit(events.voided, about(after.voided));
  // It may be found and taken back in one change.
  const wasKept = keptOf(before) > 0 || hasGrown(before, after);
  if (row.late === 1 && wasKept && keptOf(after) === 0) await tx.emit(events.reversed, about(after.authorized));
}

async function announceMovement(
  tx: EventWriter<Tables>,
  { kind, phase, ref, amount }: Fact,
  news: News,
): Promise<void> {
  const data = aboutOf(news, amount);
  if (kind === "capture" && phase === "success") await tx.emit(events.captured, { ...data, captureId: ref });
  if (kind !== "refund") return;
  const hasFailed = news.all.some((fact) => fact.kind === "refund" && fact.phase === "failure" && fact.ref === ref);
  if (phase === "failure") await tx.emit(events.refundFailed, { ...data, refundId: ref });
  // Heard of after its failure, a success is old news.
  if (phase === "success" && !hasFailed) await tx.emit(events.refunded, { ...data, refundId: ref });
}

function aboutOf({ row, after }: News, amount: number): About {
  const money = (value: number) => ({ amount: value, currency: row.currency });
  return {
    paymentId: row.id,
    orderId: row.order_id,
    ...(row.checkout_id === null ? {} : { checkoutId: row.checkout_id }),
    amount: money(amount),
    status: after.status,
    authorized: money(after.authorized),
    captured: money(after.captured),
    refunded: money(after.refunded),
  };
}

/** The states of payments that were authorized, whatever came after. */
const HELD: ReadonlySet<PaymentStatus> = new Set<PaymentStatus>([
  "authorized",
  "voided",
  "captured_partial",
  "captured",
  "refunded_partial",
  "refunded",
]);
