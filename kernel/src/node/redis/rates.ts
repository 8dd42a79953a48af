/** Shared rate limits in Redis: one number a key, changed by a script, so that no two gateways take the same. */
import {
  type RateDecision,
  type RateLimitOptions,
  type RateSpan,
  type SharedRates,
  decideRate,
  rateSpan,
} from "../../guard/mod.ts";
import type { RedisLink } from "./link.ts";
import { type RedisNames, ratesOfLimit } from "./names.ts";
import { RedisScript } from "./script.ts";

/** By Redis' clock, which is the same for all. Answers for how long the key was used up, in microseconds. */
export const TAKE: RedisScript = new RedisScript(`
local now = tonumber(ARGV[3])
if now < 0 then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
end
local used = math.max(0, (tonumber(redis.call("GET", KEYS[1])) or now) - now)
local after = used + tonumber(ARGV[1])
if after <= tonumber(ARGV[2]) then
  redis.call("SET", KEYS[1], string.format("%.0f", now + after), "PX", math.ceil(after / 1000) + 1)
end
return string.format("%.0f", used)
`);

/** What limits in Redis are made of. */
export interface RedisRatesOptions extends RateLimitOptions {
  /** Keeps limits apart: the name of the policy. */
  readonly name: string;
  /** The time in milliseconds, in place of Redis' own: for tests. */
  readonly nowMs?: () => number;
}

/** A count that gateways share through Redis. */
export class RedisRates implements SharedRates {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #options: RedisRatesOptions;
  readonly #span: RateSpan;

  constructor(link: RedisLink, names: RedisNames, options: RedisRatesOptions) {
    this.#link = link;
    this.#names = names;
    this.#options = options;
    this.#span = rateSpan(options);
  }

  async take(key: string, cost: number): Promise<RateDecision | undefined> {
    const { name, nowMs } = this.#options;
    const { intervalMs, spanMs } = this.#span;
    const now = nowMs === undefined ? -1 : Math.round(nowMs() * 1_000);
    // Rounded so that the whole limit always fits its span.
    const given = [Math.floor(cost * intervalMs * 1_000), Math.ceil(spanMs * 1_000), now].map(String);
    const keys = [this.#names.hidden(ratesOfLimit(name), key)];
    const used = await this.#link.ask((client) => TAKE.run(client, keys, given));
    if (used === undefined) return undefined;
    const { usedMs: _, ...decision } = decideRate(Number(used) / 1_000, cost, this.#span);
    return decision;
  }
}
