import assert from "node:assert/strict";
import { test } from "node:test";
import { traceRate } from "./trace-rate.ts";

for (const [sampler, ratio, rate] of [
  [undefined, undefined, 0.1],
  [undefined, "0.5", 0.1],
  ["always_on", undefined, 1],
  ["parentbased_always_on", "0.5", 1],
  ["always_off", undefined, 0],
  ["parentbased_always_off", undefined, 0],
  ["traceidratio", "0.25", 0.25],
  ["parentbased_traceidratio", "0", 0],
  ["parentbased_traceidratio", undefined, 1],
  ["parentbased_traceidratio", "", 1],
  ["traceidratio", "25 %", 0.1],
  ["traceidratio", "25", 0.1],
  ["traceidratio", "-1", 0.1],
  ["xray", "0.5", 0.1],
] as const)
  test(`the sampler ${sampler} with ${ratio} keeps ${rate}`, () => {
    const environment = { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio };
    assert.equal(traceRate(environment, 0.1), rate);
  });
