/** What gRPC has in HTTP/2 of its own: the prefix of a message, the time that a call has, texts among the trailers. */
import { gunzipSync, inflateSync } from "node:zlib";

/** A message begins with a flag (1: it is compressed) and its length. */
export const PREFIX_BYTES = 5;

/** A message as it travels. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** How long a call may take, of the header `grpc-timeout`, in milliseconds; undefined when it does not say. */
export function timeoutMsOf(header: unknown): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(typeof header === "string" ? header : "") ?? [];
  const unitMs = UNITS_MS[unit];
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs;
}

const TEXT_BYTES_MAX = 1_024;

/** A text as `grpc-message` has it: percent-encoded. No more of it than fits into 1 KiB. */
export function percentEncoded(text: string): string {
  let encoded = "";
  // No character takes less than a byte.
  for (const character of text.slice(0, TEXT_BYTES_MAX).toWellFormed()) {
    const more = encodeURI(character);
    if (encoded.length + more.length > TEXT_BYTES_MAX) break;
    encoded += more;
  }
  return encoded;
}

/**
 * Takes the compression off a message, in one go: what many together take of memory, they take one after another.
 * @throws {RangeError} when it is larger than `bytesMax` without.
 * @throws {Error} when it is not what it says, or compressed by what nobody here knows.
 */
export function decompressed(message: Uint8Array, encoding: string, bytesMax: number): Buffer {
  const bounds = { maxOutputLength: bytesMax };
  if (encoding === "gzip") return gunzipSync(message, bounds);
  if (encoding === "deflate") return inflateSync(message, bounds);
  throw new Error("compressed by gzip or deflate, or not at all");
}
