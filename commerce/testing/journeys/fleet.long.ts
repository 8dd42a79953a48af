/** The journeys, word for word, through fleets of real processes: each service apart, a few together, all in one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PlacementName, withoutServers } from "../fleet-process.ts";
import { runJourneys } from "./run-journeys.ts";

const MADE: readonly (readonly [journey: string, placement: PlacementName])[] = [
  ["customer", "apart"],
  ["cards", "together"],
  ["staff", "grouped"],
];

describe("journeys through a fleet", { skip: withoutServers() }, () => {
  for (const [journey, placement] of MADE) {
    test(`${journey}: all of them, services ${placement}`, async () => {
      const { passed, output } = await runJourneys(journey, "fleet", { SHOP_PLACEMENT: placement });
      assert.ok(passed > 10, output);
    });
  }
});
