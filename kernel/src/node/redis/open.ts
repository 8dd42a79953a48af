/** What the hosts of a system share through Redis, opened together. */
import {
  type AnswersOf,
  type RateLimitOptions,
  type RateTaker,
  type Revocations,
  SharedRateLimiter,
} from "../../guard/mod.ts";
import { RedisAnswers } from "./answers.ts";
import { RedisLink, type RedisLinkOptions } from "./link.ts";
import { RedisNames, spelled } from "./names.ts";
import { RedisRates } from "./rates.ts";
import { RedisRevocations } from "./revocations.ts";

/** What {@link openRedis} takes. */
export interface RedisOptions extends Omit<RedisLinkOptions, "workload"> {
  /** The system's name: systems that use one Redis do not meet. */
  readonly system: string;
  /** The same in all hosts; at least 16 bytes, and no password. Names in Redis are made with it, so that they tell nothing. */
  readonly secret: string | Uint8Array;
}

/** How a workload signs in, and the secrets of what it shares: it is given one only where it has something to do. */
export interface RedisLogin {
  readonly user: string;
  readonly password: string;
  readonly secrets: {
    /** Of the answers that it got; its replicas have the same, and nobody else. */
    readonly answers?: string | undefined;
    /** Of what was revoked: the same for all who tell of it or read it. */
    readonly revocations?: string | undefined;
    /** Of counts of requests: the same in all gateways. */
    readonly rates?: string | undefined;
  };
}

/** What {@link openRedisAs} takes. */
export interface RedisLoginsOptions extends Omit<RedisLinkOptions, "workload" | "login"> {
  readonly system: string;
  /** By service; the gateway's under `gateway`. Who revokes comes before who only reads what was revoked. */
  readonly logins: ReadonlyMap<string, RedisLogin>;
}

/** What a host shares with others. What it has no login for is absent. */
export interface SharedByRedis {
  readonly answersOf: AnswersOf;
  readonly revocations?: Revocations;
  /** A limit that all gateways with the same `name` share. */
  readonly limiter?: (name: string, options: RateLimitOptions) => RateTaker;
  /** Whether Redis answers, as far as is known: for readiness pages, never for being ready. */
  readonly isUp: boolean;
  close(): void;
}

/**
 * Opens what hosts share, with one login for all of it. Does not wait for Redis: without it, each host does by itself.
 * @throws {TypeError}
 */
export function openRedis(options: RedisOptions): Required<SharedByRedis> {
  const names = new RedisNames(options.system, options.secret);
  const link = new RedisLink(options);
  const revocations = new RedisRevocations(link, names, options.clock);
  return {
    answersOf: (service) => new RedisAnswers(link, names, service),
    revocations,
    limiter: limiterOver(link, names),
    get isUp() {
      return link.isUp;
    },
    close() {
      revocations.close();
      link.close();
    },
  };
}

/**
 * Opens what the workloads of a host share, over a connection for each, with its own login. Does not wait for Redis.
 * @throws {TypeError}
 */
export function openRedisAs(options: RedisLoginsOptions): SharedByRedis {
  const links: RedisLink[] = [];
  const answers = new Map<string, RedisAnswers>();
  let revocations: RedisRevocations | undefined;
  let limiter: SharedByRedis["limiter"];
  for (const [workload, { user, password, secrets }] of options.logins) {
    const link = new RedisLink({ ...options, workload, login: { user, password } });
    const named = (secret: string): RedisNames => new RedisNames(spelled(options.system), secret);
    links.push(link);
    if (secrets.answers !== undefined) answers.set(workload, new RedisAnswers(link, named(secrets.answers), workload));
    if (secrets.revocations !== undefined)
      revocations ??= new RedisRevocations(link, named(secrets.revocations), options.clock);
    if (secrets.rates !== undefined) limiter ??= limiterOver(link, named(secrets.rates));
  }
  return {
    answersOf: (service) => answers.get(service),
    ...(revocations === undefined ? {} : { revocations }),
    ...(limiter === undefined ? {} : { limiter }),
    get isUp() {
      return links.every((link) => link.isUp);
    },
    close() {
      revocations?.close();
      for (const link of links) link.close();
    },
  };
}

function limiterOver(link: RedisLink, names: RedisNames): Required<SharedByRedis>["limiter"] {
  return (name, bounds) => new SharedRateLimiter(new RedisRates(link, names, { ...bounds, name }), bounds);
}
