/** The tables of carts, and the statements over them. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  cart: {
    cart_id: string;
    subject: string;
    guest: number;
    status: string;
    currency: string;
    country: string;
    email: string | null;
    shipping_address: string | null;
    billing_address: string | null;
    option_code: string | null;
    coupon_codes: string;
    checkout_id: string | null;
    order_id: string | null;
    version: number;
    abandoned: number;
    created_at: number;
    updated_at: number;
  };
  cart_line: {
    cart_id: string;
    sku: string;
    quantity: number;
    product_id: string;
    slug: string;
    title: string;
    variant_title: string;
    image_url: string | null;
    added_at: number;
  };
  given_up: { checkout_id: string; cart_id: string; at: number };
}

const sql = statements<Tables>();

/** A cart. */
export const cartById = sql((db, p: { cartId: string }) =>
  db.selectFrom("cart").selectAll().where("cart_id", "=", p.cartId),
);

/** Whether a checkout gave its cart up before it had frozen it. */
export const gaveUp = sql((db, p: { checkoutId: string }) =>
  db.selectFrom("given_up").select("cart_id").where("checkout_id", "=", p.checkoutId),
);

/** Remembers that a checkout gave a cart up that it had not frozen. */
export const giveUp = sql((db, p: { checkoutId: string; cartId: string; now: number }) =>
  db
    .insertInto("given_up")
    .values({ checkout_id: p.checkoutId, cart_id: p.cartId, at: p.now })
    .onConflict((conflict) => conflict.doNothing()),
);

/** Forgets what was given up so long ago that nothing of it can be on its way. */
export const forgetGivenUp = sql((db, p: { before: number }) => db.deleteFrom("given_up").where("at", "<", p.before));

/** Who a cart belongs to. */
export const subjectOf = sql((db, p: { cartId: string }) =>
  db.selectFrom("cart").select("subject").where("cart_id", "=", p.cartId),
);

/** The cart that somebody fills: the one touched last. */
export const activeCartOf = sql((db, p: { subject: string }) =>
  db
    .selectFrom("cart")
    .selectAll()
    .where("subject", "=", p.subject)
    .where("status", "=", "active")
    .orderBy("updated_at", "desc")
    .limit(1),
);

/** The lines of a cart, as they were put in. */
export const linesOf = sql((db, p: { cartId: string }) =>
  db.selectFrom("cart_line").selectAll().where("cart_id", "=", p.cartId).orderBy("added_at").orderBy("sku"),
);

/** A new cart. */
export const addCart = sql((db, p: Tables["cart"]) => db.insertInto("cart").values(p));

/** A line, or how many of it there are now. */
export const putLine = sql((db, p: Tables["cart_line"]) =>
  db
    .insertInto("cart_line")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["cart_id", "sku"]).doUpdateSet((eb) => ({ quantity: eb.ref("excluded.quantity") })),
    ),
);

/** Takes a line out. */
export const dropLine = sql((db, p: { cartId: string; sku: string }) =>
  db.deleteFrom("cart_line").where("cart_id", "=", p.cartId).where("sku", "=", p.sku),
);

/** Counts a change: the version tells whoever read the cart before that it is another one now. */
export const touch = sql((db, p: { cartId: string; now: number }) =>
  db
    .updateTable("cart")
    .set((eb) => ({ version: eb("version", "+", 1), updated_at: p.now, abandoned: 0 }))
    .where("cart_id", "=", p.cartId),
);

/** Sets what may be set on a cart. */
export const setDetails = sql((db, p: Tables["cart"]) =>
  db
    .updateTable("cart")
    .set({
      country: p.country,
      email: p.email,
      shipping_address: p.shipping_address,
      billing_address: p.billing_address,
      option_code: p.option_code,
    })
    .where("cart_id", "=", p.cart_id),
);

/** Sets the coupons. */
export const setCoupons = sql((db, p: { cartId: string; codes: string }) =>
  db.updateTable("cart").set({ coupon_codes: p.codes }).where("cart_id", "=", p.cartId),
);

/** Moves a cart on; the checkout and the order that it belongs to go with it. */
export const setStatus = sql(
  (db, p: { cartId: string; status: string; checkoutId: string | null; orderId: string | null; now: number }) =>
    db
      .updateTable("cart")
      .set((eb) => ({
        status: p.status,
        checkout_id: p.checkoutId,
        order_id: p.orderId,
        updated_at: p.now,
        version: eb("version", "+", 1),
      }))
      .where("cart_id", "=", p.cartId),
);

/** Gives a guest's cart to whoever signed in. */
export const giveTo = sql((db, p: { cartId: string; subject: string; now: number }) =>
  db
    .updateTable("cart")
    .set((eb) => ({ subject: p.subject, guest: 0, updated_at: p.now, version: eb("version", "+", 1) }))
    .where("cart_id", "=", p.cartId),
);

/** Carts that nobody touched since a moment. */
export const idleCarts = sql((db, p: { guest: number; before: number; limit: number }) =>
  db
    .selectFrom("cart")
    .selectAll()
    .where("status", "=", "active")
    .where("guest", "=", p.guest)
    .where("updated_at", "<", p.before)
    .orderBy("updated_at")
    .limit(p.limit),
);

/** Filled carts that nobody touched since a moment, and that nobody was told of. */
export const abandonedCarts = sql((db, p: { before: number; limit: number }) =>
  db
    .selectFrom("cart")
    .selectAll()
    .where("status", "=", "active")
    .where("abandoned", "=", 0)
    .where("updated_at", "<", p.before)
    .where((eb) =>
      eb.exists(eb.selectFrom("cart_line").select("sku").whereRef("cart_line.cart_id", "=", "cart.cart_id")),
    )
    .limit(p.limit),
);

/** Notes that a cart was told of as abandoned. */
export const markAbandoned = sql((db, p: { cartId: string }) =>
  db.updateTable("cart").set({ abandoned: 1 }).where("cart_id", "=", p.cartId),
);
