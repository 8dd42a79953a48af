/** What the hosts of a system share through Redis, opened together. */
import {
  type RateLimitOptions,
  type RateTaker,
  type Revocations,
  type SharedAnswers,
  SharedRateLimiter,
} from "../../guard/mod.ts";
import { RedisAnswers } from "./answers.ts";
import { RedisLink, type RedisLinkOptions } from "./link.ts";
import { RedisNames } from "./names.ts";
import { RedisRates } from "./rates.ts";
import { RedisRevocations } from "./revocations.ts";

/** What {@link openRedis} takes. */
export interface RedisOptions extends RedisLinkOptions {
  /** The system's name: systems that use one Redis do not meet. */
  readonly system: string;
  /** The same in all hosts; at least 16 bytes. Names in Redis are made with it, so that they tell nothing. */
  readonly secret: string | Uint8Array;
}

/** What hosts share. */
export interface SharedByRedis {
  readonly answers: SharedAnswers;
  readonly revocations: Revocations;
  /** A limit that all gateways with the same `name` share. */
  limiter(name: string, options: RateLimitOptions): RateTaker;
  /** Whether Redis answers, as far as is known: for readiness pages, never for being ready. */
  readonly isUp: boolean;
  close(): void;
}

/** Opens what hosts share. Does not wait for Redis: without it, each host does by itself. @throws {TypeError} */
export function openRedis(options: RedisOptions): SharedByRedis {
  const names = new RedisNames(options.system, options.secret);
  const link = new RedisLink(options);
  const revocations = new RedisRevocations(link, names, options.clock);
  return {
    answers: new RedisAnswers(link, names),
    revocations,
    limiter: (name, bounds) => new SharedRateLimiter(new RedisRates(link, names, { ...bounds, name }), bounds),
    get isUp() {
      return link.isUp;
    },
    close() {
      revocations.close();
      link.close();
    },
  };
}
