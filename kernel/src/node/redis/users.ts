/**
 * The users of Redis: one for each service that has something to do there, and one for gateways, each with no more rights
 * than that takes. A service shares with its own replicas what it was told; gateways count requests together, and read
 * what was revoked; a service that says `revokes` writes that. Nobody sends scripts, lists names or listens to channels.
 *
 * Redis checks names and commands also inside of scripts. Which scripts there are the operator decides: code from a
 * service would run within the server that all of them share.
 */
import { createHash } from "node:crypto";
import { REVOKED, REVOKED_MARK, answersOfService, prefixOf, ratesOfLimit, spelled } from "./names.ts";

/** A service, and what it has to do in Redis. */
export interface RedisServiceUser {
  readonly service: string;
  readonly password: string;
  /** Whether its replicas share answers: `sharesAnswers` of what it uses. */
  readonly shares: boolean;
  /** Whether it says what gateways must refuse. */
  readonly revokes: boolean;
}

/** All users of a system. */
export interface RedisUsers {
  /** The system's name, as in `openRedisAs`. */
  readonly system: string;
  /** Those that have nothing to do in Redis get no user. */
  readonly services: readonly RedisServiceUser[];
  /** Whoever looks after the server: asks whether it answers, and loads scripts. */
  readonly operator: { readonly password: string };
  readonly gateway?: { readonly password: string };
  /**
   * Redis' major version; 7 unless said. Before 7 there is no right to read only: gateways may then write what was revoked
   * by the commands that they have.
   */
  readonly version?: number;
}

/** The name of the operator's user. */
export const REDIS_OPERATOR = "operator";
/** The name of the gateways' user. */
export const REDIS_GATEWAY = "gateway";
/** The name of a service's user: none can be called like the others, or like Redis' own `default`. */
export const redisUserOf = (service: string): string => `service/${service}`;

const VERSION_READS_ONLY = 7;

/**
 * The users as lines of `redis.conf` or of an ACL file, with digests in place of passwords. The user `default`, who needs no
 * password unless somebody says so, is off.
 */
export function redisUsers({
  system,
  services,
  operator,
  gateway,
  version = VERSION_READS_ONLY,
}: RedisUsers): string[] {
  const prefix = prefixOf(spelled(system));
  const reading = version >= VERSION_READS_ONLY ? "%R~" : "~";
  const revoked = (right: string): string[] => [REVOKED, REVOKED_MARK].map((name) => `${right}${prefix}:${name}`);
  const lines = services
    .filter(({ shares, revokes }) => shares || revokes)
    .map(({ service, password, shares, revokes }) =>
      lineOf(redisUserOf(service), password, [
        ...(shares ? [`~${prefix}:${answersOfService(service)}:*`, "+get", "+set", "+pttl"] : []),
        ...(revokes ? [...revoked("~"), ...READS_REVOKED, ...REVOKES] : []),
      ]),
    );
  const gates = [`~${prefix}:${ratesOfLimit("*")}`, ...revoked(reading), ...READS_REVOKED, ...COUNTS];
  return [
    "user default off resetpass -@all",
    lineOf(REDIS_OPERATOR, operator.password, ["+ping", "+script|load"]),
    ...(gateway === undefined ? [] : [lineOf(REDIS_GATEWAY, gateway.password, gates)]),
    ...lines,
  ];
}

const READS_REVOKED: readonly string[] = ["+get", "+zrangebyscore"];
/** What the scripts do, and calling them by their digests. */
const REVOKES = [
  "+evalsha",
  "+zadd",
  "+zremrangebyscore",
  "+zremrangebyrank",
  "+zrange",
  "+pexpireat",
  "+set",
] as const;
const COUNTS = ["+evalsha", "+time", "+get", "+set"] as const;

function lineOf(user: string, password: string, rights: readonly string[]): string {
  const digest = createHash("sha256").update(password).digest("hex");
  return `user ${user} on #${digest} -@all ${[...new Set(rights)].join(" ")}`;
}
