/** The real world's clock, randomness and ids are held to what every world's do. */
import { uuidV7 } from "../std/mod.ts";
import { clockConformance } from "../std/testing/clock-conformance.ts";
import { idsConformance, randomConformance } from "../std/testing/random-conformance.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";

clockConformance("the machine's", () => ({ clock: systemClock(), close: () => Promise.resolve() }));

randomConformance("the machine's", systemRandom);

idsConformance("from the machine's clock and randomness", () => {
  // Stands still between looks, as it does within a millisecond.
  let nowMs = systemClock().now();
  const clock = { ...systemClock(), now: () => nowMs };
  return { clock, source: () => uuidV7(clock, systemRandom()), pass: () => void (nowMs += 1) };
});
