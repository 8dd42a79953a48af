/** PEM (RFC 7468): the blocks of a text, by label. */

/** A block of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, `EC PRIVATE KEY`. */
  readonly label: string;
  readonly der: Uint8Array;
  /** The block as it was written. */
  readonly text: string;
}

/** The longest PEM text that is read, in characters: a bundle of some hundred authorities. */
const TEXT_LENGTH_MAX = 1_000_000;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** The blocks of a text, in order; what stands between them is passed over, as OpenSSL does. */
export function readPem(text: string): readonly PemBlock[] {
  if (text.length > TEXT_LENGTH_MAX) throw new RangeError(`A PEM text has ${text.length} characters: too many.`);
  return [...text.matchAll(BLOCK)].map(([block, label = "", body = ""]) => ({
    label,
    der: new Uint8Array(Buffer.from(body, "base64")),
    text: `${block}\n`,
  }));
}

/** The certificates of a text, in order. */
export function certificatesIn(text: string): readonly PemBlock[] {
  return readPem(text).filter(({ label }) => label === "CERTIFICATE");
}

/** Writes a certificate. */
export function certificatePem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g) ?? [""];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
