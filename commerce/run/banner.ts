/** What `npm start` prints: where everything is, and a first order to copy. */
import { demoUsers } from "../seed/mod.ts";

/** The lines for a shop at `url`. */
export function banner(
  url: string,
  { password, empty }: { readonly password: string; readonly empty: boolean },
): string {
  const users = demoUsers.map(({ email, role }) => `    ${email.padEnd(32)} ${role}`);
  return [
    "",
    "  The Isomer shop is open.",
    "",
    `    shop      ${url}/v1/storefront/products?currency=EUR`,
    `    API       ${url}/docs`,
    `    mailbox   ${url}/mailbox`,
    `    health    ${url}/readyz`,
    "",
    ...(empty ? [] : [`  Demo users (password: ${password})`, ...users, "", ...firstOrder(url), ""]),
    "  Ctrl-C stops it; what was begun goes on at the next start.",
    "",
  ].join("\n");
}

/** A first order, for a shell with curl and node. */
export function firstOrder(url: string): readonly string[] {
  return [
    "  A first order, to copy and paste:",
    "",
    `    SHOP=${url}`,
    `    json() { node -pe "JSON.parse(require('fs').readFileSync(0))$1"; }`,
    `    ask() { curl -sS -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' "$@"; }`,
    `    TOKEN=$(curl -sS -X POST $SHOP/v1/guests -H 'content-type: application/json' -d '{}' | json .accessToken)`,
    `    SKU=$(curl -sS "$SHOP/v1/storefront/products?currency=EUR&limit=1" | json ".items[0].skus[0]")`,
    `    CART=$(ask $SHOP/v1/carts -d '{"currency":"EUR","country":"DE"}' | json .cartId)`,
    `    ask $SHOP/v1/carts/$CART/lines -d "{\\"sku\\":\\"$SKU\\",\\"quantity\\":1}" > /dev/null`,
    `    ask -X PATCH $SHOP/v1/carts/$CART -d '{"email":"ada@example.com","shippingOption":"standard","shippingAddress":{"name":"Ada","line1":"Harbour Street 12","city":"Hamburg","postalCode":"20457","country":"DE"}}' > /dev/null`,
    `    CHECKOUT=$(ask $SHOP/v1/checkouts -d "{\\"cartId\\":\\"$CART\\"}" | json .checkoutId)`,
    `    ORDER=$(ask $SHOP/v1/checkouts/$CHECKOUT/complete -H "idempotency-key: first-$CHECKOUT" -d '{"paymentToken":"tok_success"}' | json .orderId)`,
    `    ask $SHOP/v1/orders/$ORDER | json`,
  ];
}
