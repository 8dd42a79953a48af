/** The rate limits of a gateway: by network address and by identity, its own or shared with other gateways. */
import type { RatePolicy } from "../gateway/mod.ts";
import { type RateDecision, type RateLimitOptions, RateLimiter, type RateTaker } from "../guard/mod.ts";
import { isLoopback, networkOf } from "./http/client-network.ts";

/** How many requests a minute are taken; 0 for no limit. */
export interface Rates {
  /**
   * From one network address: an IPv4 address, or an IPv6 network of 64 bits. Requests from this machine itself are not
   * limited by address unless {@link Rates.loopback} says so: a system's own webhooks come from there, and refusing them
   * would make it doubt its own payments.
   */
  readonly perAddress: number;
  /** Of one user or API key, wherever from. */
  readonly perIdentity: number;
  /** For a proxy on this machine that is not in `trustProxies`: then all requests seem to come from here. */
  readonly loopback?: boolean;
}

/** Makes a limit that gateways share, by the name of its policy. */
export type SharedLimiter = (name: string, options: RateLimitOptions) => RateTaker;

const MINUTE_MS = 60_000;
const USUAL: Rates = { perAddress: 6_000, perIdentity: 3_000 };

/** The policies of a gateway; those with a limit of 0 are left out. Limits are this gateway's own unless `shared`. */
export function ratePolicies(
  rates: Rates = USUAL,
  shared?: SharedLimiter,
): { readonly addressRate?: RatePolicy; readonly identityRate?: RatePolicy } {
  const { perAddress, perIdentity, loopback = false } = rates;
  return {
    ...(perAddress === 0 ? {} : { addressRate: byNetwork(policy("address", perAddress, shared), loopback) }),
    ...(perIdentity === 0 ? {} : { identityRate: policy("identity", perIdentity, shared) }),
  };
}

function policy(name: string, quota: number, shared: SharedLimiter | undefined): RatePolicy {
  const options = { limit: quota, windowMs: MINUTE_MS };
  return { name, quota, windowMs: MINUTE_MS, limiter: shared?.(name, options) ?? new RateLimiter(options) };
}

function byNetwork({ limiter, ...rest }: RatePolicy, loopback: boolean): RatePolicy {
  const { quota } = rest;
  const free: RateDecision = { allowed: true, limit: quota, remaining: quota, resetMs: 0, retryAfterMs: 0 };
  const take: RateTaker["take"] = (address, cost, nowMs) =>
    !loopback && isLoopback(address) ? free : limiter.take(networkOf(address), cost, nowMs);
  return { ...rest, limiter: { take } };
}
