/** Identifiers: UUID version 7 (RFC 9562 §5.7), sortable by time, made without coordination. */
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Makes identifiers. */
export interface Ids {
  /**
   * The next UUIDv7, in lower case. It sorts after those of earlier milliseconds, by the clock of whoever makes it. Within
   * a millisecond, and between processes, there is no order: what must be in order is counted.
   */
  next(): string;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const SEQUENCE_MAX = 0xfff;

/**
 * Makes UUIDv7s from a clock and a random source. Ids of one source are strictly increasing, also within a
 * millisecond and when the clock steps back: the 12 bits `rand_a` count, and carry into the time field.
 */
export function uuidV7(clock: Clock, random: Random): Ids {
  let lastMs = 0;
  let sequence = 0;
  return {
    next() {
      const now = clock.now();
      if (now > lastMs) {
        lastMs = now;
        sequence = 0;
      } else if (sequence < SEQUENCE_MAX) {
        sequence += 1;
      } else {
        lastMs += 1;
        sequence = 0;
      }
      return format(lastMs, sequence, random.bytes(8));
    },
  };
}

function format(ms: number, sequence: number, tail: Uint8Array): string {
  const time = ms.toString(16).padStart(12, "0");
  const version = (0x7000 | sequence).toString(16);
  const hex = (index: number): string => HEX[tail[index] ?? 0] ?? "00";
  const variant = HEX[0x80 | ((tail[0] ?? 0) & 0x3f)] ?? "80";
  const node = hex(2) + hex(3) + hex(4) + hex(5) + hex(6) + hex(7);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}${hex(1)}-${node}`;
}
