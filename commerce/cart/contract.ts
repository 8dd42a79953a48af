/** cart: what somebody is about to buy. A guest has one as well as a customer; signing in merges them. */
import { command, contract, event, fault, http, owner, query, services, user } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { CouponCode } from "../pricing/contract.ts";
import { Country, Currency, Quantity, Sku } from "../shared/mod.ts";
import { ShippingOption } from "../shipping/contract.ts";
import { CART_STATUSES, Cart, CartDetails, LINES_MAX } from "./schemas.ts";

export { Cart, CartLine } from "./schemas.ts";

const CartId = t.id();
const CheckoutId = t.text({ minLength: 1, maxLength: 64 });

/** No cart by that name. */
export const NoCart = fault("cart/no-cart", {
  kind: "missing",
  data: t.object({ what: t.text() }),
  message: ({ what }) => `There is no ${what}. Create one with POST /v1/carts.`,
});

/** The cart is being bought, was bought, or is gone. */
export const CartClosed = fault("cart/closed", {
  kind: "conflict",
  data: t.object({ cartId: CartId, status: t.oneOf(CART_STATUSES) }),
  message: ({ cartId, status }) =>
    `Cart ${cartId} is ${status}, so it cannot be changed. ${status === "frozen" ? "Wait for its checkout to end." : "Create a new one."}`,
});

/** The variant does not exist, or is not on sale. */
export const NotForSale = fault("cart/not-for-sale", {
  kind: "conflict",
  data: t.object({ sku: Sku }),
  message: ({ sku }) => `${sku} is not for sale. Choose another variant.`,
});

/** The cart holds as much as a cart can. */
export const CartFull = fault("cart/full", {
  kind: "conflict",
  data: t.object({ cartId: CartId, what: t.text(), max: t.integer() }),
  message: ({ what, max }) => `A cart holds at most ${max} ${what}. Remove some, or order twice.`,
});

/** Something that buying needs is not there yet. */
export const CartIncomplete = fault("cart/incomplete", {
  kind: "conflict",
  data: t.object({ cartId: CartId, missing: t.array(t.text()) }),
  message: ({ missing }) => `The cart cannot be bought yet: ${missing.join(", ")}.`,
});

/** What it costs has changed since the buyer looked. */
export const PriceChanged = fault("cart/price-changed", {
  kind: "conflict",
  data: t.object({ cartId: CartId, hash: t.text() }),
  message: () => "What the cart costs has changed since you looked. Show the new total and ask again.",
});

/** This way of sending is not on offer for the cart. */
export const NoShippingOption = fault("cart/no-shipping-option", {
  kind: "conflict",
  data: t.object({ code: t.text(), offered: t.array(t.text()) }),
  message: ({ code, offered }) => `"${code}" is not on offer for this cart; ${offered.join(", ") || "nothing"} is.`,
});

/** Somebody changed the cart meanwhile. */
export const CartChanged = fault("cart/changed", {
  kind: "conflict",
  data: t.object({ cartId: CartId }),
  message: () => "The cart was changed meanwhile. Read it again, then decide.",
});

const changing = { output: Cart, allow: [owner], criticality: "high" as const, deadlineMs: 3_000 };
const faults = [NoCart, CartClosed];

export const cart = contract("cart", {
  version: "1.0.0",
  summary: "Carts of guests and customers.",
  commands: {
    create: command({
      summary: "Create a cart",
      input: t.object({ currency: Currency, country: Country }),
      output: Cart,
      allow: [user],
      criticality: "high",
      http: http("POST /v1/carts", { status: 201, etag: "version" }),
    }),
    addLine: command({
      ...changing,
      summary: "Put something in",
      input: t.object({ cartId: CartId, sku: Sku, quantity: Quantity }),
      faults: [...faults, NotForSale, CartFull],
      http: http("POST /v1/carts/:cartId/lines", { etag: "version" }),
    }),
    setQuantity: command({
      ...changing,
      summary: "Change how many; 0 takes the line out",
      input: t.object({ cartId: CartId, sku: Sku, quantity: t.integer({ minimum: 0, maximum: 9_999 }) }),
      faults: [...faults, NotForSale, CartFull],
      http: http("PUT /v1/carts/:cartId/lines/:sku", { etag: "version" }),
    }),
    removeLine: command({
      ...changing,
      summary: "Take something out",
      input: t.object({ cartId: CartId, sku: Sku }),
      faults,
      http: http("DELETE /v1/carts/:cartId/lines/:sku", { etag: "version" }),
    }),
    update: command({
      ...changing,
      summary: "Set the email, the addresses, and how to send it",
      input: t.object({ cartId: CartId, ...CartDetails }),
      faults: [...faults, NoShippingOption],
      http: http("PATCH /v1/carts/:cartId", { etag: "version" }),
    }),
    applyCoupon: command({
      ...changing,
      summary: "Add a coupon",
      input: t.object({ cartId: CartId, code: CouponCode }),
      faults: [...faults, CartFull],
      http: http("POST /v1/carts/:cartId/coupons", { etag: "version" }),
    }),
    removeCoupon: command({
      ...changing,
      summary: "Take a coupon off",
      input: t.object({ cartId: CartId, code: CouponCode }),
      faults,
      http: http("DELETE /v1/carts/:cartId/coupons/:code", { etag: "version" }),
    }),
    /** The guest's token is the proof that the guest's cart is the caller's too. */
    merge: command({
      summary: "Take a guest's cart over after signing in",
      input: t.object({ guestToken: t.secret(t.text({ minLength: 1, maxLength: 4_000 })) }),
      output: Cart,
      faults: [NoCart],
      allow: [user],
      criticality: "high",
      http: http("POST /v1/carts/merge", { etag: "version" }),
    }),
    /** Fixes the cart while it is bought, if it costs what the buyer saw. */
    freeze: command({
      input: t.object({ cartId: CartId, checkoutId: CheckoutId, hash: t.text({ maxLength: 128 }) }),
      output: Cart,
      faults: [...faults, PriceChanged, CartIncomplete, CartChanged],
      allow: [services("checkout")],
      criticality: "critical",
      deadlineMs: 3_000,
    }),
    /** Lets a cart be changed again whose checkout came to nothing. */
    unfreeze: command({
      input: t.object({ cartId: CartId, checkoutId: CheckoutId }),
      output: t.object({ cartId: CartId, status: t.oneOf(CART_STATUSES) }),
      allow: [services("checkout")],
      criticality: "critical",
    }),
    complete: command({
      input: t.object({ cartId: CartId, checkoutId: CheckoutId, orderId: t.text() }),
      output: t.object({ cartId: CartId, status: t.oneOf(CART_STATUSES) }),
      faults: [NoCart, CartClosed],
      allow: [services("checkout")],
      criticality: "critical",
    }),
  },
  queries: {
    get: query({
      summary: "A cart and what it costs",
      input: t.object({ cartId: CartId }),
      output: Cart,
      faults: [NoCart],
      allow: [owner],
      criticality: "high",
      http: http("GET /v1/carts/:cartId", { etag: "version" }),
    }),
    mine: query({
      summary: "My cart",
      input: t.object({}),
      output: Cart,
      faults: [NoCart],
      allow: [user],
      criticality: "high",
      http: http("GET /v1/me/cart", { etag: "version" }),
    }),
    shippingOptions: query({
      summary: "How the cart can be sent",
      input: t.object({ cartId: CartId }),
      output: t.object({ options: t.array(ShippingOption) }),
      faults: [NoCart],
      allow: [owner],
      criticality: "high",
      http: http("GET /v1/carts/:cartId/shipping-options"),
    }),
  },
  events: {
    cartMerged: event({ key: "cartId", data: t.object({ cartId: CartId, into: CartId, subject: t.text() }) }),
    cartCompleted: event({ key: "cartId", data: t.object({ cartId: CartId, orderId: t.text(), subject: t.text() }) }),
    cartAbandoned: event({
      summary: "Somebody left things in a cart and has not come back for a day.",
      key: "cartId",
      data: t.object({
        cartId: CartId,
        subject: t.text(),
        email: t.optional(t.text()),
        items: t.integer({ maximum: LINES_MAX * 999 }),
      }),
    }),
    cartExpired: event({ key: "cartId", data: t.object({ cartId: CartId, subject: t.text() }) }),
  },
});
