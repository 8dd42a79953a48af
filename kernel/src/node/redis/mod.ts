/** node/redis: what hosts share through Redis: answers, rate limits, revocations. */
export { type RedisLinkOptions } from "./link.ts";
export {
  type RedisLogin,
  type RedisLoginsOptions,
  type RedisOptions,
  type SharedByRedis,
  openRedis,
  openRedisAs,
} from "./open.ts";
export { RevocationUnshared } from "./revocations.ts";
export { loadRedisScripts } from "./scripts.ts";
export {
  REDIS_GATEWAY,
  REDIS_OPERATOR,
  type RedisServiceUser,
  type RedisUsers,
  redisUserOf,
  redisUsers,
} from "./users.ts";
