/** Schemas that several services share: what is said the same way everywhere. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Money } from "./money.ts";

/** The code of a sellable variant. */
export const Sku = t.text({
  minLength: 1,
  maxLength: 64,
  pattern: "^[A-Z0-9][A-Z0-9._-]*$",
  description: "Stock keeping unit: the code of a variant.",
  examples: ["MUG-BLUE-L"],
});

/** How many pieces of a variant, in a line. */
export const Quantity = t.integer({ minimum: 1, maximum: 9_999, description: "Number of pieces." });

/** A version of a resource, for optimistic concurrency: 1, 2, 3, … */
export const Version = t.integer({ minimum: 1, description: "Version of the resource; sent back in If-Match." });

/** An email address. */
export const Email = t.text({ minLength: 3, maxLength: 254, format: "email", examples: ["ada@example.com"] });

/** Two letters of ISO 3166-1. */
export const Country = t.text({
  minLength: 2,
  maxLength: 2,
  pattern: "^[A-Z]{2}$",
  description: "ISO 3166-1 alpha-2 code.",
  examples: ["DE"],
});

/** A BCP 47 tag of a language, with a region if it matters: `en`, `de-AT`. */
export const Locale = t.text({ minLength: 2, maxLength: 16, pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$" });

/** Where something is sent, or billed. */
export const Address = t.object(
  {
    name: t.text({ minLength: 1, maxLength: 200, description: "Who it is for." }),
    line1: t.text({ minLength: 1, maxLength: 200, description: "Street and number." }),
    line2: t.optional(t.text({ maxLength: 200 })),
    city: t.text({ minLength: 1, maxLength: 100 }),
    region: t.optional(t.text({ maxLength: 100, description: "State, province or county." })),
    postalCode: t.text({ minLength: 1, maxLength: 20 }),
    country: Country,
    phone: t.optional(t.text({ maxLength: 30 })),
  },
  { description: "A postal address." },
);
/** Where something is sent, or billed. */
export type Address = TypeOf<typeof Address>;

/** The sums of a cart, a quote or an order. `total = subtotal - discount + shipping + tax`. */
export const Totals = t.object({
  subtotal: Money,
  discount: Money,
  shipping: Money,
  /** Tax that comes on top; zero where prices include it. */
  tax: Money,
  total: Money,
});
/** The sums of a cart, a quote or an order. */
export type Totals = TypeOf<typeof Totals>;

/** A line as it was sold: a snapshot, never looked up again. `total = unitPrice × quantity - discount + tax`. */
export const OrderLine = t.object({
  lineId: t.text({ minLength: 1, maxLength: 64 }),
  sku: Sku,
  productId: t.text({ minLength: 1, maxLength: 64 }),
  title: t.text({ maxLength: 300 }),
  variantTitle: t.optional(t.text({ maxLength: 300, description: "For example: blue, large." })),
  imageUrl: t.optional(t.text({ maxLength: 500 })),
  quantity: Quantity,
  unitPrice: Money,
  discount: Money,
  tax: Money,
  total: Money,
});
/** A line as it was sold. */
export type OrderLine = TypeOf<typeof OrderLine>;

/** Adds what people type but codes do not have: `" mug-blue "` is the sku `MUG-BLUE`. */
export function normaliseSku(text: string): string {
  return text.trim().toUpperCase();
}

/** The address in the form that equal mailboxes share, for look-ups and uniqueness. */
export function normaliseEmail(text: string): string {
  return text.trim().toLowerCase();
}
