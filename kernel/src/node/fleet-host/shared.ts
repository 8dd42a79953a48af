/** What a process of a fleet shares with others through Redis, by the logins that it was told. */
import type { SharedByRedis } from "../redis/mod.ts";
import type { ConnectionOptions } from "./connections.ts";
import { GATEWAY } from "./mesh.ts";

/** What connections are made from: whatever the system is. */
export type SharedOptions = Omit<ConnectionOptions, "system">;

/**
 * Opens what the process shares; undefined where there is no Redis, or nothing to do there. Then its client is not even
 * loaded, which half of a fleet's processes would pay for in vain.
 */
export async function openShared(options: SharedOptions): Promise<SharedByRedis | undefined> {
  const { fleet, instance, ...ports } = options;
  const { url } = fleet.engines.redis ?? {};
  const { redis: old, redisUsers } = instance.credentials;
  if (url === undefined) return undefined;
  const { system } = fleet;
  if (redisUsers !== undefined) {
    // A gateway only reads what was revoked: a service that tells of it comes first.
    const logins = Object.entries(redisUsers).toSorted(([a], [b]) => Number(a === GATEWAY) - Number(b === GATEWAY));
    if (logins.length === 0) return undefined;
    const { openRedisAs } = await import("../redis/mod.ts");
    return openRedisAs({ ...ports, url, system, logins: new Map(logins) });
  }
  if (old === undefined) return undefined;
  const { openRedis } = await import("../redis/mod.ts");
  // From a supervisor that knows of one login only. What its other processes wrote is named and sealed by the password.
  return openRedis({ ...ports, url, system, login: old, secret: old.password });
}
