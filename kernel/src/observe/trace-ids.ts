/** Ids of traces and spans, drawn from a pool of random bytes so that one costs well under 0.1 µs. */
import type { Random } from "../std/mod.ts";

const POOL_BYTES = 1_024;
const SPAN_ID_BYTES = 8;

/** Makes the ids of spans and traces. */
export class TraceIds {
  readonly #random: Random;
  #pool: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** 16 hex digits, never all zeros. */
  spanId(): string {
    if (this.#used + SPAN_ID_BYTES > this.#pool.length) {
      this.#pool = this.#random.bytes(POOL_BYTES);
      this.#used = 0;
    }
    const id = hexOf(this.#pool, this.#used);
    this.#used += SPAN_ID_BYTES;
    return id === "0000000000000000" ? "0000000000000001" : id;
  }

  /** 32 hex digits, never all zeros. */
  traceId(): string {
    return this.spanId() + this.spanId();
  }
}

const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

function digit(value: number): number {
  return DIGITS[value & 15] ?? 48;
}

// One call with sixteen codes makes one flat string; joining bytes would leave a tree of eight to be flattened later.
function hexOf(pool: Uint8Array, at: number): string {
  const a = pool[at] ?? 0;
  const b = pool[at + 1] ?? 0;
  const c = pool[at + 2] ?? 0;
  const d = pool[at + 3] ?? 0;
  const e = pool[at + 4] ?? 0;
  const f = pool[at + 5] ?? 0;
  const g = pool[at + 6] ?? 0;
  const h = pool[at + 7] ?? 0;
  return String.fromCharCode(
    digit(a >> 4),
    digit(a),
    digit(b >> 4),
    digit(b),
    digit(c >> 4),
    digit(c),
    digit(d >> 4),
    digit(d),
    digit(e >> 4),
    digit(e),
    digit(f >> 4),
    digit(f),
    digit(g >> 4),
    digit(g),
    digit(h >> 4),
    digit(h),
  );
}
