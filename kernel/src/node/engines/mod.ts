/** node/engines: servers that are started on this machine for a fleet or a test. */
export { type ProgramOptions, type RunningProgram, findProgram, freePort, startProgram, tailOf } from "./program.ts";
export { versionedFolders } from "./program.ts";
export { type PostgresOptions, type RunningPostgres, findPostgres, lastPortOf, startPostgres } from "./postgres.ts";
export { type NatsCluster, type NatsOptions, type NatsServer, type NatsTlsFiles } from "./nats.ts";
export { hasNats, startNats, startNatsCluster } from "./nats.ts";
export { type RedisServerOptions, type RunningRedis, startRedis } from "./redis.ts";
export { type RabbitOptions, type RabbitServer, hasRabbit, startRabbit } from "./rabbitmq.ts";
