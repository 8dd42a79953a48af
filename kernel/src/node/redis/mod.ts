/** node/redis: what hosts share through Redis: answers, rate limits, revocations. */
export { type RedisLinkOptions } from "./link.ts";
export { type RedisOptions, type SharedByRedis, openRedis } from "./open.ts";
export { RevocationUnshared } from "./revocations.ts";
