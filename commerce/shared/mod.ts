/** shared: what every service of the shop means by money, an address, a page. */
export { currencies, exponentOf, isCurrency } from "./currency.ts";
export {
  Currency,
  Money,
  type Rounding,
  SignedMoney,
  add,
  allocate,
  compare,
  equalMoney,
  format,
  fromDecimal,
  least,
  money,
  multiplyByQuantity,
  negate,
  scaleByRatio,
  subtract,
  sum,
  toDecimal,
  zero,
} from "./money.ts";
export { listStatement } from "./list-statement.ts";
export {
  BadCursor,
  type CursorValue,
  PAGE_LIMIT,
  PAGE_LIMIT_MAX,
  decodeCursor,
  encodeCursor,
  pageFields,
  pageFrom,
  pageOf,
} from "./page.ts";
export {
  Address,
  Country,
  Email,
  Locale,
  OrderLine,
  Quantity,
  Sku,
  Totals,
  Version,
  normaliseEmail,
  normaliseSku,
} from "./schemas.ts";
