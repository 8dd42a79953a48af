/** The table of checkouts, and the statements over it. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  checkout: {
    checkout_id: string;
    subject: string;
    cart_id: string;
    status: string;
    currency: string | null;
    total: number | null;
    hash: string | null;
    missing: string;
    attempt: number;
    saga_id: string | null;
    order_id: string | null;
    redirect_url: string | null;
    problem: string | null;
    created_at: number;
    updated_at: number;
  };
}

const sql = statements<Tables>();

/** A checkout. */
export const checkoutById = sql((db, p: { checkoutId: string }) =>
  db.selectFrom("checkout").selectAll().where("checkout_id", "=", p.checkoutId),
);

/** Who a checkout belongs to. */
export const subjectOf = sql((db, p: { checkoutId: string }) =>
  db.selectFrom("checkout").select("subject").where("checkout_id", "=", p.checkoutId),
);

/** A new checkout. */
export const addCheckout = sql((db, p: Tables["checkout"]) => db.insertInto("checkout").values(p));

/** Begins an attempt. */
export const beginAttempt = sql(
  (db, p: { checkoutId: string; attempt: number; sagaId: string; orderId: string; hash: string; now: number }) =>
    db
      .updateTable("checkout")
      .set({
        status: "completing",
        attempt: p.attempt,
        saga_id: p.sagaId,
        order_id: p.orderId,
        hash: p.hash,
        problem: null,
        redirect_url: null,
        updated_at: p.now,
      })
      .where("checkout_id", "=", p.checkoutId),
);

/** Moves the attempt that `sagaId` is on; one that was given up since is left alone. */
export const moveAttempt = sql(
  (
    db,
    p: {
      sagaId: string;
      checkoutId: string;
      status: string;
      redirectUrl: string | null;
      problem: string | null;
      now: number;
    },
  ) =>
    db
      .updateTable("checkout")
      .set({ status: p.status, redirect_url: p.redirectUrl, problem: p.problem, updated_at: p.now })
      .where("checkout_id", "=", p.checkoutId)
      .where("saga_id", "=", p.sagaId),
);

/** The attempt made an order, which cost this: perhaps not what the checkout began with. */
export const completeAttempt = sql(
  (db, p: { sagaId: string; checkoutId: string; amount: number; currency: string; now: number }) =>
    db
      .updateTable("checkout")
      .set({
        status: "completed",
        redirect_url: null,
        problem: null,
        total: p.amount,
        currency: p.currency,
        updated_at: p.now,
      })
      .where("checkout_id", "=", p.checkoutId)
      .where("saga_id", "=", p.sagaId),
);

/** What an attempt is about to charge. */
export const setTotal = sql((db, p: { sagaId: string; checkoutId: string; amount: number; currency: string }) =>
  db
    .updateTable("checkout")
    .set({ total: p.amount, currency: p.currency })
    .where("checkout_id", "=", p.checkoutId)
    .where("saga_id", "=", p.sagaId),
);

/** Ends a checkout that nothing is under way for. */
export const endCheckout = sql((db, p: { checkoutId: string; status: string; now: number }) =>
  db.updateTable("checkout").set({ status: p.status, updated_at: p.now }).where("checkout_id", "=", p.checkoutId),
);

/** Open checkouts that nobody touched since a moment. */
export const idleCheckouts = sql((db, p: { before: number; limit: number }) =>
  db
    .selectFrom("checkout")
    .selectAll()
    .where("status", "=", "open")
    .where("updated_at", "<", p.before)
    .orderBy("updated_at")
    .limit(p.limit),
);
