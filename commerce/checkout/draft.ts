/** The order that a frozen cart becomes: a pure function, so that what is charged is what is ordered. */
import { type Cart, CartIncomplete } from "../cart/contract.ts";
import type { OrderDraft } from "../orders/contract.ts";

/** The order, and the coupons that count for it. @throws {CartIncomplete} when the cart cannot be bought. */
export function draftOf(
  cart: Cart,
  ids: { readonly orderId: string; readonly checkoutId: string; readonly subject: string },
): { readonly draft: OrderDraft; readonly coupons: string[] } {
  const { quote, email, shippingAddress, shippingOption } = cart;
  if (quote === null || email === undefined || shippingAddress === undefined || shippingOption === undefined) {
    throw CartIncomplete.with({ cartId: cart.cartId, missing: ["something that it had a moment ago"] });
  }
  const shown = new Map(cart.lines.map((line) => [line.sku, line]));
  const lines = quote.lines.map((line, index) => {
    const about = shown.get(line.sku);
    return {
      lineId: String(index + 1),
      sku: line.sku,
      productId: about?.productId ?? "",
      title: about?.title ?? line.sku,
      ...(about === undefined || about.variantTitle === "" ? {} : { variantTitle: about.variantTitle }),
      ...(about?.imageUrl == null ? {} : { imageUrl: about.imageUrl }),
      quantity: line.quantity,
      unitPrice: line.unitPrice,
      discount: line.discount,
      tax: line.tax,
      total: line.total,
    };
  });
  const coupons = quote.discounts.flatMap(({ code }) => (code === undefined ? [] : [code]));
  const { subtotal, discount, tax, total } = quote;
  const { code, label, carrier } = shippingOption;
  const draft: OrderDraft = {
    ...ids,
    email,
    currency: quote.currency,
    lines,
    totals: { subtotal, discount, shipping: quote.shipping, tax, total },
    shippingAddress,
    ...(cart.billingAddress === undefined ? {} : { billingAddress: cart.billingAddress }),
    shippingOption: { code, label, carrier, price: quote.shipping },
    couponCodes: coupons,
  };
  return { draft, coupons };
}
