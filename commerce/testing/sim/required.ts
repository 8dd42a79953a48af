/**
 * What a batch of the shop must reach: every kind of fault, for every step of every saga all that can happen to it, and
 * what can happen to replicas.
 * A batch fails when something is not reached any more, and when a saga has a step that is not listed here.
 */
import { FAULT_KINDS, type Required, type StepEvent } from "@isomer/kernel/sim";

const ATTACKED: readonly StepEvent[] = ["done", "failed", "unanswered", "doubled", "repeated", "crashed"];
/** Steps before a pivot that can be taken back are. */
const UNDONE: readonly StepEvent[] = [...ATTACKED, "undone"];
const UNDO: readonly StepEvent[] = ["done", "unanswered", "doubled", "repeated", "crashed"];
/** What comes late, or needs an order that somebody regrets, is hit by each kind of fault in larger batches only. */
const SELDOM: readonly StepEvent[] = ["done", "unanswered", "repeated"];
/** Transactions of the saga's own service. */
const LOCAL: readonly StepEvent[] = ["done"];
/** The transaction that ends a saga has no entry in the journal: it is seen when it is hit. */
const LAST_WORD: readonly StepEvent[] = [];

/** Smaller batches are not held to it. */
const RUNS_MIN = 300;
/** What the command runs unless it is told another number. */
const RUNS_FOR_ALL = 1_000;

/** The list. */
export const REQUIRED: Required = {
  runsMin: RUNS_MIN,
  closed: ["steps", "sagas"],
  areas: {
    faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, ["happened"]])),
    steps: {
      "checkout.placeOrder.freeze": [...UNDONE, "unknown"],
      "checkout.placeOrder.freeze/undo": UNDO,
      "checkout.placeOrder.open": UNDONE,
      "checkout.placeOrder.open/undo": UNDO,
      "checkout.placeOrder.reserve": [...UNDONE, "unknown"],
      "checkout.placeOrder.reserve/undo": UNDO,
      "checkout.placeOrder.holdCoupons": UNDONE,
      "checkout.placeOrder.holdCoupons/undo": SELDOM,
      "checkout.placeOrder.createPayment": UNDONE,
      "checkout.placeOrder.createPayment/undo": UNDO,
      "checkout.placeOrder.authorise": ATTACKED,
      "checkout.placeOrder.askBuyer": LOCAL,
      "checkout.placeOrder.commitStock": ATTACKED,
      "checkout.placeOrder.commitCoupons": ATTACKED,
      "checkout.placeOrder.placeOrder": ATTACKED,
      "checkout.placeOrder.completeCart": ATTACKED,
      "checkout.placeOrder.capture": ATTACKED,
      "checkout.placeOrder.$settled": ["crashed"],
      "orders.cancelOrder.stopParcel": SELDOM,
      "orders.cancelOrder.refuse": LOCAL,
      "orders.cancelOrder.returnMoney": SELDOM,
      "orders.cancelOrder.returnStock": SELDOM,
      "orders.cancelOrder.returnCoupons": SELDOM,
      "orders.cancelOrder.finish": LOCAL,
      "orders.cancelOrder.$settled": LAST_WORD,
      "shipping.leave.takeOffShelf": SELDOM,
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
      "a leader that lives is deposed": ["noted"],
      "a leader that died has a successor": ["noted"],
      "a fence refused a write": ["noted"],
      "a call is repeated at another replica": ["noted"],
      "a call is made while the registry is lost": ["noted"],
      "a host ended in good order": ["noted"],
      "the balancer leaves out an instance": ["noted"],
      "the balancer takes back an instance": ["noted"],
    },
  },
  rare: {
    runsMin: RUNS_FOR_ALL,
    areas: {
      steps: {
        "checkout.placeOrder.holdCoupons/undo": UNDO,
        "checkout.placeOrder.askBuyer": ["crashed"],
        "orders.cancelOrder.stopParcel": ATTACKED,
        "orders.cancelOrder.returnMoney": ATTACKED,
        "orders.cancelOrder.returnStock": ATTACKED,
        "orders.cancelOrder.returnCoupons": ATTACKED,
        "shipping.leave.takeOffShelf": ATTACKED,
        "shipping.leave.left": ["crashed"],
      },
    },
  },
};
