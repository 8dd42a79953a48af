/**
 * Money: whole minor units of one currency. There are no fractions of a cent anywhere: where a price is scaled it
 * is rounded once, and where a sum is split the parts add up to it again.
 *
 * Mixing currencies, and leaving the range that JSON can carry, are bugs of the caller and throw as such
 * (TypeError, RangeError); they are never answers to a user.
 */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { exponentOf } from "./currency.ts";

const currency = t.text({
  minLength: 3,
  maxLength: 3,
  pattern: "^[A-Z]{3}$",
  description: "ISO 4217 code, for example EUR.",
});

/** The schema of a currency's code. */
export const Currency = currency;

/** An amount that is not negative: prices, totals, charges. */
export const Money = t.object(
  { amount: t.integer({ minimum: 0, description: "Minor units: cents, or whole yen." }), currency },
  { description: "An amount of money in minor units of its currency.", examples: [{ amount: 1999, currency: "EUR" }] },
);
/** An amount that is not negative. */
export type Money = TypeOf<typeof Money>;

/** An amount with a sign: adjustments and differences. */
export const SignedMoney = t.object(
  { amount: t.integer({ description: "Minor units, negative for what is taken off." }), currency },
  { description: "An amount of money, with a sign, in minor units of its currency." },
);
/** An amount with a sign. */
export type SignedMoney = TypeOf<typeof SignedMoney>;

/** How a half is rounded. `half-even` unless said: it does not drift when many lines are rounded. */
export type Rounding = "half-even" | "half-up";

/** An amount of money. @throws {RangeError} unless the amount is a safe integer. */
export function money(amount: number, currencyCode: string): Money {
  return { amount: safe(amount), currency: currencyCode };
}

/** Nothing, in a currency. */
export function zero(currencyCode: string): Money {
  return { amount: 0, currency: currencyCode };
}

/** The sum of two amounts. */
export function add(a: Readonly<Money>, b: Readonly<Money>): Money {
  return { amount: safe(a.amount + b.amount), currency: same(a, b) };
}

/** What is left of `a` when `b` is taken off: may be negative. */
export function subtract(a: Readonly<Money>, b: Readonly<Money>): SignedMoney {
  return { amount: safe(a.amount - b.amount), currency: same(a, b) };
}

/** The sum of many amounts of one currency; nothing when there are none. */
export function sum(amounts: Iterable<Readonly<Money>>, currencyCode: string): Money {
  let total = zero(currencyCode);
  for (const amount of amounts) total = add(total, amount);
  return total;
}

/** The same amount with the other sign. */
export function negate({ amount, currency: code }: Readonly<Money>): SignedMoney {
  return { amount: amount === 0 ? 0 : -amount, currency: code };
}

/** The price of `quantity` pieces, exactly. */
export function multiplyByQuantity(price: Readonly<Money>, quantity: number): Money {
  if (!Number.isSafeInteger(quantity)) throw new RangeError(`${quantity} is not a whole quantity.`);
  return { amount: safe(price.amount * quantity), currency: price.currency };
}

/**
 * `amount × numerator / denominator`, rounded once to whole minor units. A tax of 19 % is `(price, 19, 100)`; rates
 * with decimals take a bigger denominator: 10.75 % is `(price, 1075, 10_000)`.
 */
export function scaleByRatio(
  value: Readonly<Money>,
  numerator: number,
  denominator: number,
  rounding: Rounding = "half-even",
): Money {
  if (!Number.isSafeInteger(numerator) || !Number.isSafeInteger(denominator) || denominator <= 0) {
    throw new RangeError(`${numerator}/${denominator} is not a ratio of whole numbers.`);
  }
  const negative = value.amount < 0 !== numerator < 0;
  const amount = divideRounded(Math.abs(value.amount), Math.abs(numerator), denominator, rounding);
  return { amount: negative && amount !== 0 ? -amount : amount, currency: value.currency };
}

/** `a × b / divisor` of numbers that are not negative, rounded. Through BigInt only when a double could not hold it. */
function divideRounded(a: number, b: number, divisor: number, rounding: Rounding): number {
  const product = a * b;
  if (product > Number.MAX_SAFE_INTEGER) return divideBig(BigInt(a) * BigInt(b), BigInt(divisor), rounding);
  const rest = product % divisor;
  const quotient = (product - rest) / divisor;
  const half = rest - (divisor - rest);
  return half > 0 || (half === 0 && (rounding === "half-up" || quotient % 2 === 1)) ? quotient + 1 : quotient;
}

function divideBig(product: bigint, divisor: bigint, rounding: Rounding): number {
  const quotient = product / divisor;
  const half = (product % divisor) * 2n - divisor;
  const up = half > 0n || (half === 0n && (rounding === "half-up" || quotient % 2n === 1n));
  return safe(Number(up ? quotient + 1n : quotient));
}

/**
 * Splits a sum in proportion to weights, so that the parts add up to it exactly (largest remainder; the earlier
 * of equal remainders gets the odd unit). Weights that are all zero count as equal.
 * @throws {RangeError} for no weights, or one that is not a whole number of at least 0.
 */
export function allocate(value: Readonly<Money>, weights: readonly number[]): SignedMoney[] {
  if (weights.length === 0) throw new RangeError("There is nobody to allocate money to.");
  if (weights.some((weight) => !Number.isSafeInteger(weight) || weight < 0)) {
    throw new RangeError("Weights are whole numbers of at least 0.");
  }
  const shares = weights.every((weight) => weight === 0) ? weights.map(() => 1n) : weights.map(BigInt);
  const whole = shares.reduce((total, share) => total + share, 0n);
  const amount = BigInt(Math.abs(value.amount));
  const parts = shares.map((share, index) => {
    const product = amount * share;
    return { index, units: product / whole, rest: product % whole };
  });
  let odd = amount - parts.reduce((total, part) => total + part.units, 0n);
  for (const part of parts.toSorted((a, b) => compareBig(b.rest, a.rest) || a.index - b.index)) {
    if (odd === 0n) break;
    part.units += 1n;
    odd -= 1n;
  }
  const sign = value.amount < 0 ? -1 : 1;
  return parts.map(({ units }) => ({ amount: units === 0n ? 0 : sign * Number(units), currency: value.currency }));
}

function compareBig(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Below zero, zero or above it, as `a` is less than, equal to or more than `b`. */
export function compare(a: Readonly<Money>, b: Readonly<Money>): number {
  same(a, b);
  return a.amount - b.amount;
}

/** Whether two amounts are the same, currency included. */
export function equalMoney(a: Readonly<Money>, b: Readonly<Money>): boolean {
  return a.amount === b.amount && a.currency === b.currency;
}

/** The smaller of two amounts. */
export function least(a: Readonly<Money>, b: Readonly<Money>): Money {
  return compare(a, b) <= 0 ? { ...a } : { ...b };
}

/** The amount as a decimal text in major units, exact: `19.99`, `-0.05`, `1200`. */
export function toDecimal({ amount, currency: code }: Readonly<Money>): string {
  const exponent = exponentOf(code);
  const digits = Math.abs(amount)
    .toString()
    .padStart(exponent + 1, "0");
  const sign = amount < 0 ? "-" : "";
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

const DECIMAL = /^(-?)(\d{1,15})(?:\.(\d{1,4}))?$/;

/**
 * Reads a decimal text in major units: `fromDecimal("19.99", "EUR")`.
 * @throws {RangeError} when it is no decimal, or has more places than the currency.
 */
export function fromDecimal(text: string, currencyCode: string): SignedMoney {
  const exponent = exponentOf(currencyCode);
  const match = DECIMAL.exec(text);
  const fraction = match?.[3] ?? "";
  if (match === null || fraction.length > exponent) {
    throw new RangeError(`"${text}" is not an amount of ${currencyCode}.`);
  }
  const amount = safe(Number(`${match[2]}${fraction.padEnd(exponent, "0")}`));
  return { amount: match[1] === "-" && amount !== 0 ? -amount : amount, currency: currencyCode };
}

const formats = new Map<string, Intl.NumberFormat>();

/** The amount as people of a locale read it: `€19.99`. Always with all places that the currency has. */
export function format(value: Readonly<Money>, locale = "en"): string {
  const key = `${locale} ${value.currency}`;
  let numbers = formats.get(key);
  if (numbers === undefined) {
    const places = exponentOf(value.currency);
    // Locale data shows fewer places than ISO 4217 has for some currencies: money would look rounded.
    numbers = new Intl.NumberFormat(locale, {
      style: "currency",
      currency: value.currency,
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    });
    if (formats.size < 1_000) formats.set(key, numbers);
  }
  return numbers.format(toDecimal(value) as Intl.StringNumericLiteral);
}

function same(a: Readonly<Money>, b: Readonly<Money>): string {
  if (a.currency !== b.currency) throw new TypeError(`${a.currency} and ${b.currency} cannot be mixed.`);
  return a.currency;
}

function safe(amount: number): number {
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${amount} is beyond the range of money.`);
  return amount;
}
