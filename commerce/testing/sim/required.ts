/**
 * What a batch of the shop must reach: every kind of fault, and for every step of every saga all that can happen to it.
 * A batch fails when something is not reached any more, and when a saga has a step that is not listed here.
 */
import { FAULT_KINDS, type Required, type StepEvent } from "@isomer/kernel/sim";

const ATTACKED: readonly StepEvent[] = ["done", "failed", "unanswered", "doubled", "repeated", "crashed"];
/** Steps before a pivot that can be taken back are. */
const UNDONE: readonly StepEvent[] = [...ATTACKED, "undone"];
const UNDO: readonly StepEvent[] = ["done", "unanswered", "doubled", "repeated", "crashed"];
/** Transactions of the saga's own service. */
const LOCAL: readonly StepEvent[] = ["done", "crashed"];
/** The transaction that ends a saga. It has no entry in the journal. */
const LAST_WORD: readonly StepEvent[] = ["crashed"];

/** Smaller batches are not held to it. */
const RUNS_MIN = 300;

/** The list. */
export const REQUIRED: Required = {
  runsMin: RUNS_MIN,
  closed: ["steps", "sagas"],
  areas: {
    faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, ["happened"]])),
    steps: {
      "checkout.placeOrder.freeze": UNDONE,
      "checkout.placeOrder.freeze/undo": UNDO,
      "checkout.placeOrder.open": UNDONE,
      "checkout.placeOrder.open/undo": UNDO,
      "checkout.placeOrder.reserve": [...UNDONE, "unknown"],
      "checkout.placeOrder.reserve/undo": UNDO,
      "checkout.placeOrder.holdCoupons": UNDONE,
      "checkout.placeOrder.holdCoupons/undo": UNDO,
      "checkout.placeOrder.createPayment": UNDONE,
      "checkout.placeOrder.createPayment/undo": UNDO,
      "checkout.placeOrder.authorise": ATTACKED,
      "checkout.placeOrder.askBuyer": LOCAL,
      "checkout.placeOrder.commitStock": ATTACKED,
      "checkout.placeOrder.commitCoupons": ATTACKED,
      "checkout.placeOrder.placeOrder": ATTACKED,
      "checkout.placeOrder.completeCart": ATTACKED,
      "checkout.placeOrder.capture": ATTACKED,
      "checkout.placeOrder.$settled": LAST_WORD,
      "orders.cancelOrder.stopParcel": ATTACKED,
      "orders.cancelOrder.refuse": LOCAL,
      "orders.cancelOrder.returnMoney": ATTACKED,
      "orders.cancelOrder.returnStock": ATTACKED,
      "orders.cancelOrder.returnCoupons": ATTACKED,
      "orders.cancelOrder.finish": LOCAL,
      "orders.cancelOrder.$settled": LAST_WORD,
      "shipping.leave.takeOffShelf": ATTACKED,
      "shipping.leave.left": LOCAL,
      "shipping.leave.$settled": LAST_WORD,
    },
    sagas: {
      "checkout.placeOrder": ["completed", "compensated"],
      "orders.cancelOrder": ["completed"],
      "shipping.leave": ["completed"],
    },
    notes: {
      "an order is placed": ["noted"],
      "called off: cancelled": ["noted"],
      "called off: placed": ["noted"],
      "refused: checkout/payment-declined": ["noted"],
      "refused: checkout/payment-timed-out": ["noted"],
      "refused: inventory/stock-short": ["noted"],
    },
  },
};
