/** Currencies in circulation and their minor units (ISO 4217, list one). */

const EXPONENT_0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const EXPONENT_2 = `
  AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
  COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
  JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
  NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
  THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`;
const EXPONENT_3 = "BHD IQD JOD KWD LYD OMR TND";
const EXPONENT_4 = "CLF UYW";

const exponents = new Map<string, number>();
for (const [exponent, codes] of [
  [0, EXPONENT_0],
  [2, EXPONENT_2],
  [3, EXPONENT_3],
  [4, EXPONENT_4],
] as const) {
  for (const code of codes.trim().split(/\s+/)) exponents.set(code, exponent);
}

/** The codes of all currencies that money may be in. */
export const currencies: readonly string[] = [...exponents.keys()].toSorted();

/** Whether a text is the code of a currency that money may be in. */
export function isCurrency(code: string): boolean {
  return exponents.has(code);
}

/**
 * How many decimal places the minor unit of a currency has: 2 for EUR, 0 for JPY, 3 for KWD, 4 for CLF.
 * @throws {TypeError} for a text that is no currency in circulation.
 */
export function exponentOf(currency: string): number {
  const exponent = exponents.get(currency);
  if (exponent === undefined) throw new TypeError(`"${currency}" is not a currency in circulation.`);
  return exponent;
}
