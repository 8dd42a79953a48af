/** The world of one simulated process: every port, driven by the seed. */
import { promptEventLoop } from "../guard/mod.ts";
import type { World } from "../runtime/mod.ts";
import { type Ids, type LogFields, type LogLevel, type Logger, isFault } from "../std/mod.ts";
import { loadMigrations } from "../sqlite/mod.ts";
import type { Migration } from "../store/mod.ts";
import { hash53 } from "./hash.ts";
import { type HttpParts, simulatedFetch } from "./http.ts";
import type { History } from "./history.ts";
import { forkedRandom } from "./random.ts";
import { currentCause } from "./real/cause.ts";
import { simulatedCrypto } from "./real/crypto.ts";
import { type StorageParts, simulatedStorage } from "./storage.ts";

/** What a world is made of. */
export interface SimWorldParts extends StorageParts {
  readonly seed: number;
  readonly http: HttpParts;
}

const migrationsRead = new Map<string, readonly Migration[]>();

/** Migrations never change while a program runs: their folders are read once. */
export function migrations(source: URL | readonly Migration[]): readonly Migration[] {
  if (!(source instanceof URL)) return source;
  let read = migrationsRead.get(source.href);
  if (read === undefined) migrationsRead.set(source.href, (read = loadMigrations(source)));
  return read;
}

/** The world of a process. */
export function simulatedWorld(parts: SimWorldParts): World {
  const { seed, machine, incarnation, history } = parts;
  const life = `${machine.name}#${incarnation.number}`;
  const clock = machine.clockOf(incarnation);
  const random = forkedRandom(seed, `random/${life}`);
  return {
    clock,
    random,
    ids: causedIds(seed, life, clock.now),
    log: historyLogger(history, machine.name),
    crypto: simulatedCrypto(forkedRandom(seed, `crypto/${life}`)),
    storage: simulatedStorage(parts),
    fetch: simulatedFetch(parts.http),
    eventLoop: promptEventLoop,
    migrations,
  };
}

/**
 * Ids that follow from what is being done, not from how many were made before: so a run with one fault less makes the
 * same ids wherever it does the same things, and its other faults find their occasions again.
 */
export function causedIds(seed: number, life: string, now: () => number): Ids {
  let own = 0;
  return {
    next() {
      const cause = currentCause();
      const name = cause === undefined ? `${life}/${own++}` : `${cause.name}/${cause.made++}`;
      return uuidOf(now(), hash53(`id|${name}`, seed), hash53(`di|${name}`, seed));
    },
  };
}

function uuidOf(ms: number, first: number, second: number): string {
  const time = ms.toString(16).padStart(12, "0");
  const [a, b] = [first.toString(16).padStart(14, "0"), second.toString(16).padStart(14, "0")];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${b.slice(0, 3)}-8${b.slice(3, 6)}-${a.slice(0, 12)}`;
}

/** Warnings and errors are part of what happened. */
function historyLogger(history: History, who: string): Logger {
  const write = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    const { operation, step, code, job, error, fault } = fields;
    const about = [operation, step, job, code, codeOf(error ?? fault)].filter((part) => typeof part === "string");
    history.record("log", who, [`${level}: ${message}`, ...about].join(" "));
  };
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    with: () => logger,
  };
  return logger;
}

function codeOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  if (!isFault(error)) return error instanceof Error ? String(error) : "an error that is none";
  return error.cause instanceof Error ? `${error.code} (${String(error.cause)})` : error.code;
}
