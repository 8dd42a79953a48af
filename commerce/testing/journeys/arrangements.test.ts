/** The journeys, word for word, in another arrangement: what the shop promises does not depend on how it is placed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runJourneys } from "./run-journeys.ts";

describe("journeys in simulation: services on several machines, virtual time", () => {
  for (const journey of ["customer", "cards", "staff"]) {
    test(`${journey}: all of them`, async () => {
      const { passed, output } = await runJourneys(journey, "simulation");
      assert.ok(passed > 10, output);
    });
  }
});
