/** node: the real world. The only part that touches Node's modules, the time, sockets and files. */
export { systemClock } from "./clock.ts";
export {
  type CommandResult,
  contractDiff,
  readLock,
  readSnapshots,
  snapshotText,
  writeProtos,
  writeSnapshots,
} from "./contracts/mod.ts";
export { HttpServer, type HttpServerOptions, HttpTransport, type HttpTransportOptions } from "./external/mod.ts";
export { nodeCrypto } from "./crypto.ts";
export { DnsRegistry, type DnsRegistryOptions, type Lookup } from "./discovery/mod.ts";
export { jsonLogger, prettyLogger } from "./logger.ts";
export { type SmtpOptions, smtpMail } from "./mail.ts";
export { systemRandom } from "./random.ts";
export { type Rates, type SharedLimiter, ratePolicies } from "./rates.ts";
export { type RedisOptions, type SharedByRedis, openRedis, openRedisAs } from "./redis/mod.ts";
export { type RunOptions, type RunningSystem, runSystem } from "./run.ts";
export { type OpenWorld, type WorldOptions, openWorld } from "./world.ts";
