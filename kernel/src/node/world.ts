/** The real world: this machine's clock, randomness, files and sockets. */
import { type EventLoopDelay, MemoryRevocations, type Revocations, type AnswersOf } from "../guard/mod.ts";
import type { World } from "../runtime/mod.ts";
import { type Logger, uuidV7 } from "../std/mod.ts";
import type { SpanExporter } from "../observe/mod.ts";
import type { Storage } from "../store/mod.ts";
import { loadMigrations } from "../sqlite/mod.ts";
import { systemClock } from "./clock.ts";
import { nodeCrypto } from "./crypto.ts";
import { eventLoopMonitor } from "./event-loop.ts";
import { httpClient } from "./http/mod.ts";
import { smtpMail } from "./mail.ts";
import { systemRandom } from "./random.ts";
import { sqliteStorage } from "./sqlite/mod.ts";

/** What the real world needs to be told. */
export interface WorldOptions {
  /** Where the databases are, unless `storage` has them; `":memory:"` keeps nothing. */
  readonly dataFolder: string;
  /** Opens the databases: {@link postgresStorage}, for instance. SQLite files in the data folder unless said. */
  readonly storage?: Storage;
  readonly log: Logger;
  /** Acknowledge before the disk has it: for tests and benchmarks of other things. */
  readonly relaxed?: boolean;
  readonly spans?: SpanExporter;
  /** How late the event loop runs: for tests on busy machines. Measured unless said. */
  readonly eventLoop?: EventLoopDelay;
  /** The mail server, `smtp://user:password@host:587`; without one, mails stay inside. */
  readonly smtpUrl?: string;
  /** What hosts share; this process shares revocations with nobody unless said. */
  readonly shared?: { readonly answersOf: AnswersOf; readonly revocations?: Revocations };
}

/** A world and how to end it. */
export interface OpenWorld {
  readonly world: World;
  close(): void;
}

/** Opens the real world. */
export function openWorld(options: WorldOptions): OpenWorld {
  const clock = systemClock();
  const random = systemRandom();
  const monitor = eventLoopMonitor(clock);
  const client = httpClient();
  const { relaxed, spans, smtpUrl, shared } = options;
  const world: World = {
    clock,
    random,
    ids: uuidV7(clock, random),
    log: options.log,
    crypto: nodeCrypto(),
    storage:
      options.storage ??
      sqliteStorage({ folder: options.dataFolder, clock, ...(relaxed === undefined ? {} : { relaxed }) }),
    fetch: client.fetch,
    eventLoop: options.eventLoop ?? monitor,
    migrations: loadMigrations,
    revocations: shared?.revocations ?? new MemoryRevocations(clock),
    ...(shared === undefined ? {} : { answersOf: shared.answersOf }),
    ...(spans === undefined ? {} : { spans }),
    ...(smtpUrl === undefined ? {} : { mail: smtpMail({ url: smtpUrl }) }),
  };
  return {
    world,
    close() {
      monitor.close();
      client.close();
    },
  };
}
