/** node/engines: servers that are started on this machine for a fleet or a test. */
export { freePort, freePorts, isFreePort } from "./free-ports.ts";
export { type ProgramOptions, type RunningProgram, findProgram, startProgram, tailOf } from "./program.ts";
export { versionedFolders } from "./program.ts";
export { type PostgresOptions, type RunningPostgres, findPostgres, lastPortOf, startPostgres } from "./postgres.ts";
export { type NatsCluster, type NatsClusterPorts, type NatsOptions, type NatsServer } from "./nats.ts";
export { type NatsTlsFiles, hasNats, natsCluster, natsServer, startNats, startNatsCluster } from "./nats.ts";
export { type RedisServerOptions, type RedisServerUsers, type RunningRedis, startRedis } from "./redis.ts";
export { type RabbitOptions, type RabbitServer, hasRabbit, startRabbit } from "./rabbitmq.ts";
