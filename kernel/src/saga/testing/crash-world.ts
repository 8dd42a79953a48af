/**
 * A world that can be killed between any two things that an engine asks of it, for tests: what the engine asks waits until
 * the test lets it happen, and a killed engine hears of nothing more. The database and the callees outlive it.
 */
import { DatabaseSync } from "node:sqlite";
import { type Call, type EventType, contract, query, command, services } from "../../contract/mod.ts";
import type { EventRecord, EventWriter } from "../../events/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Clock, type Random, silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import { type Database, type SqlConnection, type SqlValue, migrationText, writerOn } from "../../store/mod.ts";
import { type SagaCallOptions, SagaEngine, type SagaOrigin, type Saga, sagaMigrations } from "../mod.ts";
import { Callees } from "./callees.ts";

const anything = t.object({ op: t.text(), data: t.unknown() });

/** The one service that all sagas of these tests call. */
export const svc = contract("svc", {
  version: "1.0.0",
  commands: { does: command({ input: anything, output: t.unknown(), allow: [services("tests")] }) },
  queries: { asks: query({ input: anything, output: t.unknown(), allow: [services("tests")] }) },
});

/** Something that the engine asked for and that has not happened yet. */
interface Wish {
  readonly kind: "write" | "read" | "call";
  readonly epoch: number;
  happen(): Promise<void>;
  tell(): void;
}

/** What becomes of what was under way when the process died. */
export interface Death {
  /** Whether what the engine was waiting for next happened, without the engine hearing of it. */
  readonly happened: boolean;
  /** How many of the transactions that waited were still committed: the others are lost. */
  readonly commits: number;
  /** Whether calls under way arrive: not at all, at once, or some time after the restart. */
  readonly calls: "lost" | "at once" | "late";
}

const ORIGIN: SagaOrigin = { identity: undefined, criticality: "normal", trace: undefined };

/** The world, and the engine that lives in it. */
export class CrashWorld {
  readonly callees = new Callees();
  readonly sql = new DatabaseSync(":memory:");
  readonly random: Random;
  readonly #sagas: readonly Saga[];
  #clock: ManualClock;
  #epoch = 0;
  #wishes: Wish[] = [];
  #engine: SagaEngine;
  /** How many things have happened. */
  happened = 0;
  /** The calls that engines asked for, whether they were made or not. */
  readonly asked: SagaCallOptions[] = [];

  constructor(sagas: readonly unknown[], seed = 1) {
    this.#sagas = sagas as readonly Saga[];
    this.random = seededRandom(seed);
    this.#clock = new ManualClock();
    this.sql.exec("CREATE TABLE effect (saga TEXT NOT NULL, what TEXT NOT NULL)");
    this.sql.exec("CREATE TABLE ended (saga TEXT PRIMARY KEY, status TEXT NOT NULL)");
    for (const { sql } of sagaMigrations) this.sql.exec(migrationText(sql, "sqlite"));
    this.#engine = this.#live();
  }

  get engine(): SagaEngine {
    return this.#engine;
  }

  get now(): number {
    return this.#clock.now();
  }

  get waiting(): number {
    return this.#wishes.length;
  }

  /** Starts a saga in a transaction of its own, at once. */
  async start(saga: unknown, input: unknown, id: string): Promise<void> {
    await this.#transaction((connection) => this.#engine.start(connection, saga as Saga, input, id, ORIGIN));
    this.#engine.wake(id);
    await turn();
  }

  /** Signals, at once; `isHeard` says whether the process lives long enough to wake the saga. */
  async signal(id: string, name: { readonly name: string; readonly payload: never }, payload: unknown): Promise<void> {
    await this.#transaction((connection) => this.#engine.signal(connection, id, name as never, payload));
    this.#engine.wake(id);
    await turn();
  }

  /** Lets one thing happen; false when nothing waits. Transactions happen in order; the rest in any. */
  async step(inOrder: boolean): Promise<boolean> {
    const wish = this.#take(inOrder);
    if (wish === undefined) return false;
    await this.#happen(wish);
    return true;
  }

  /** Lets the first thing of a kind happen; false when there is none. */
  async let(kind: Wish["kind"]): Promise<boolean> {
    const index = this.#wishes.findIndex((wish) => wish.kind === kind);
    const wish = this.#wishes[index];
    if (wish === undefined) return false;
    this.#wishes.splice(index, 1);
    await this.#happen(wish);
    return true;
  }

  /** Moves the time to the next timer; false when there is none within the hour. */
  async skip(): Promise<boolean> {
    const before = this.#clock.pending;
    if (before === 0) return false;
    const end = this.#clock.now() + 3_600_000;
    while (this.#clock.now() < end && this.#wishes.length === 0 && this.#clock.pending > 0) {
      await this.#clock.advance(1_000);
      await turn();
    }
    return this.#wishes.length > 0;
  }

  /** Kills the engine and starts another. */
  async crash(death: Death): Promise<void> {
    const next = this.#take(true);
    if (next !== undefined && death.happened) await next.happen();
    else if (next !== undefined) this.#wishes.unshift(next);
    this.#epoch += 1;
    const writes = this.#wishes.filter(({ kind }) => kind === "write");
    for (const write of writes.slice(0, death.commits)) await write.happen();
    const calls = this.#wishes.filter(({ kind }) => kind === "call");
    if (death.calls === "at once") for (const call of calls) await call.happen();
    this.#wishes = death.calls === "late" ? calls : [];
    const at = this.#clock.now();
    this.#clock = new ManualClock(at + 1);
    this.#engine = this.#live();
    void this.#engine.recover();
    await turn();
  }

  async #happen(wish: Wish): Promise<void> {
    await wish.happen();
    this.happened += 1;
    if (wish.epoch === this.#epoch) wish.tell();
    await turn();
  }

  #take(inOrder: boolean): Wish | undefined {
    if (this.#wishes.length === 0) return undefined;
    const firstWrite = this.#wishes.findIndex(({ kind }) => kind === "write");
    const free = this.#wishes.flatMap(({ kind }, index) => (kind !== "write" || index === firstWrite ? [index] : []));
    const index = inOrder ? 0 : (free[Math.floor(this.random.next() * free.length)] ?? 0);
    return this.#wishes.splice(index, 1)[0];
  }

  #wish<T>(kind: Wish["kind"], work: () => Promise<T>): Promise<T> {
    const epoch = this.#epoch;
    return new Promise((resolve, reject) => {
      let tell = (): void => {};
      this.#wishes.push({
        kind,
        epoch,
        tell: () => {
          tell();
        },
        happen: async () => {
          try {
            const value = await work();
            tell = () => {
              resolve(value);
            };
          } catch (error) {
            tell = () => {
              reject(error as Error);
            };
          }
        },
      });
    });
  }

  /** The ports of one life: after its end they do nothing. */
  #live(): SagaEngine {
    const epoch = this.#epoch;
    const ask = <T>(kind: Wish["kind"], work: () => Promise<T>): Promise<T> =>
      this.#epoch === epoch ? this.#wish(kind, work) : new Promise(() => {});
    const manual = this.#clock;
    const clock: Clock = {
      now: () => manual.now(),
      monotonicMs: () => manual.monotonicMs(),
      after: (delayMs, action) => manual.after(delayMs, action),
      soon: (action) => {
        setImmediate(() => {
          if (this.#epoch === epoch) action();
        });
      },
    };
    const database = {
      write: (_: unknown, body: (connection: SqlConnection) => Promise<unknown>) =>
        ask("write", () => this.#transaction(body)),
      read: (_: unknown, body: (connection: SqlConnection) => Promise<unknown>) =>
        ask("read", () => body(this.#connection())),
    } as unknown as Database;
    return new SagaEngine({
      service: "tests",
      sagas: this.#sagas,
      database,
      transact: (_, __, body) => ask("write", () => this.#transaction((connection) => body(writerOf(connection)))),
      call: (call, options) => {
        if (this.#epoch === epoch) this.asked.push(options);
        return ask("call", () => this.callees.answer(call, options));
      },
      isCommand: ({ operation }) => operation === "does",
      clock,
      random: this.random,
      log: silentLogger,
      limits: { backoffBaseMs: 400, backoffMaxMs: 4_000, stuckAfterAttempts: 4 },
    });
  }

  async #transaction<T>(body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    this.sql.exec("BEGIN");
    try {
      const result = await body(this.#connection());
      this.sql.exec("COMMIT");
      return result;
    } catch (error) {
      this.sql.exec("ROLLBACK");
      throw error;
    }
  }

  #connection(): SqlConnection {
    const { sql } = this;
    return {
      dialect: "sqlite",
      all: async <R>(text: string, parameters: readonly SqlValue[] = []) => sql.prepare(text).all(...parameters) as R[],
      run: async (text, parameters = []) => Number(sql.prepare(text).run(...parameters).changes),
    };
  }
}

function writerOf(connection: SqlConnection): EventWriter<never> {
  return { ...writerOn<never>(connection), emit: (_: EventType) => Promise.resolve({} as EventRecord<never>) };
}

/** Lets everything that is ready run. */
export async function turn(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A call that has an effect. */
export function does<Output>(op: string, data: unknown = {}): Call<"svc", Output> {
  return svc.does({ op, data }) as Call<"svc", Output>;
}

/** A call that answers differently each time. */
export function asks<Output>(op: string): Call<"svc", Output> {
  return svc.asks({ op, data: {} }) as Call<"svc", Output>;
}
