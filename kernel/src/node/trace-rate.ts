/** How many traces are kept, as the environment says it by OpenTelemetry's names (its "General SDK Configuration"). */

const RATIO = /^(?:parentbased_)?traceidratio$/;
const ON = /^(?:parentbased_)?always_on$/;
const OFF = /^(?:parentbased_)?always_off$/;

/**
 * The share of traces that begin here and are kept, 0 to 1: by `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`, or as
 * said where those say nothing that is understood. Traces that began elsewhere are kept as it was decided there, whatever
 * the sampler's name says of parents.
 */
export function traceRate(environment: Readonly<Record<string, string | undefined>>, unlessSaid: number): number {
  const { OTEL_TRACES_SAMPLER: sampler = "", OTEL_TRACES_SAMPLER_ARG: ratio = "1" } = environment;
  if (ON.test(sampler)) return 1;
  if (OFF.test(sampler)) return 0;
  if (!RATIO.test(sampler)) return unlessSaid;
  const share = ratio.trim() === "" ? 1 : Number(ratio);
  return share >= 0 && share <= 1 ? share : unlessSaid;
}
