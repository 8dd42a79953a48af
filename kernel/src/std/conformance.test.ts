/** The stand-ins that other tests use are held to what the real ones do. */
import { uuidV7 } from "./mod.ts";
import { clockConformance } from "./testing/clock-conformance.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { idsConformance, randomConformance } from "./testing/random-conformance.ts";
import { seededRandom } from "./testing/seeded-random.ts";

clockConformance("moved by hand", () => {
  const clock = new ManualClock();
  const state = { going: true };
  const moving = (async () => {
    while (state.going) {
      await clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    clock,
    async close() {
      state.going = false;
      await moving;
    },
  };
});

let seed = 0;
randomConformance("from a seed", () => seededRandom((seed += 1)));

idsConformance("UUIDv7 from a clock and a source of randomness", () => {
  const clock = new ManualClock();
  let nowMs = clock.now();
  const moving = Object.assign(clock, { now: () => nowMs });
  return { clock: moving, source: () => uuidV7(moving, seededRandom((seed += 1))), pass: () => void (nowMs += 1) };
});
