/**
 * Redis of a local fleet, with a user for each service that has something to do there and one for the gateways.
 *
 * Across a crash: nothing. It begins empty, with the same users, and is given its scripts again.
 */
import { join } from "node:path";
import { type System, sharesAnswers } from "../../runtime/mod.ts";
import type { Fault } from "../../std/mod.ts";
import { startRedis } from "../engines/mod.ts";
import { type Engine, type InstanceFile, ProgramMissing } from "../fleet/mod.ts";
import { REDIS_GATEWAY, REDIS_OPERATOR, loadRedisScripts, redisUserOf, redisUsers } from "../redis/mod.ts";
import type { Ports } from "./ports.ts";
import { serverEngine } from "./server-engine.ts";

/** What the server is started for. */
export interface RedisEngineOptions {
  /** Where all servers keep what they have. */
  readonly folder: string;
  readonly ports: Pick<Ports, "redis">;
  readonly system: Pick<System, "name" | "services">;
  readonly passwordOf: (party: string) => string;
}

type Logins = NonNullable<InstanceFile["credentials"]["redisUsers"]>;

/** The server. */
export function redisEngine(options: RedisEngineOptions): Engine {
  const { folder, ports, passwordOf } = options;
  return serverEngine({
    name: "redis",
    port: ports.redis,
    first: async () => {
      const running = await startRedis({
        folder: join(folder, "redis"),
        port: ports.redis,
        password: passwordOf(partyOf(REDIS_OPERATOR)),
        users: (version) => ({ lines: linesOf(options, version), operator: REDIS_OPERATOR }),
      });
      if (running === undefined) throw redisMissing();
      return running;
    },
    again: (running) => running.restart(),
    prepare: ({ url }) => loadRedisScripts(url),
  });
}

/** What is said when there is no Redis to start. */
export const redisMissing = (): Fault =>
  ProgramMissing.with({ program: "redis-server", debianPackage: "redis-server" });

/** Whose password it is, for `passwordOf`. */
const partyOf = (user: string): string => `redis/${user}`;

function linesOf({ system, passwordOf }: RedisEngineOptions, version: number): readonly string[] {
  const services = system.services.map(({ contract: { name: service }, uses, revokes }) => ({
    service,
    password: passwordOf(partyOf(redisUserOf(service))),
    shares: sharesAnswers(uses),
    revokes,
  }));
  const proofOf = (user: string) => ({ password: passwordOf(partyOf(user)) });
  const [operator, gateway] = [proofOf(REDIS_OPERATOR), proofOf(REDIS_GATEWAY)];
  return redisUsers({ system: system.name, services, operator, gateway, version });
}

/** Of what {@link redisLogins} makes logins. */
export interface RedisLoginsOf extends Pick<RedisEngineOptions, "system" | "passwordOf"> {
  /** The secrets of names and seals: not made from what passwords are made from. */
  readonly sealOf: (what: string) => string;
}

/** How a process with these services signs in; those that have nothing to do in Redis do not. */
export function redisLogins(
  { system, passwordOf, sealOf }: RedisLoginsOf,
  placed: readonly string[],
  isGateway: boolean,
): Logins {
  const revocations = sealOf("revocations");
  const logins: Logins = {};
  for (const { contract, uses, revokes } of system.services) {
    const { name } = contract;
    const shares = sharesAnswers(uses);
    if (!placed.includes(name) || !(shares || revokes)) continue;
    const user = redisUserOf(name);
    const secrets = { ...(shares ? { answers: sealOf(`answers/${name}`) } : {}), ...(revokes ? { revocations } : {}) };
    logins[name] = { user, password: passwordOf(partyOf(user)), secrets };
  }
  if (isGateway) {
    const password = passwordOf(partyOf(REDIS_GATEWAY));
    logins[REDIS_GATEWAY] = { user: REDIS_GATEWAY, password, secrets: { revocations, rates: sealOf("rates") } };
  }
  return logins;
}
