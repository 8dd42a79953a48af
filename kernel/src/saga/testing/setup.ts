/** An engine over a database in memory, with callees and a clock that tests move. */
import { after } from "node:test";
import type { EventRecord } from "../../events/mod.ts";
import { systemClock } from "../../node/clock.ts";
import { sqliteStorage } from "../../node/sqlite/mod.ts";
import { type LogFields, type Logger, silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import { ConnectionLost, type Database, writerOn } from "../../store/mod.ts";
import {
  type Saga,
  SagaEngine,
  type SagaLimits,
  type SagaOrigin,
  type SagaSignal,
  type SagaView,
  sagaMigrations,
} from "../mod.ts";
import { Callees } from "./callees.ts";

const opened: Database[] = [];
after(() => Promise.all(opened.map((database) => database.close())));

/** What a test's engine is made of. */
export interface SetupOptions {
  readonly sagas: readonly unknown[];
  readonly limits?: Partial<SagaLimits>;
}

/** An engine that can be ended and started anew over the same database. */
export class Setup {
  readonly callees = new Callees();
  readonly clock = new ManualClock();
  readonly database: Database;
  readonly errors: LogFields[] = [];
  readonly heard: string[] = [];
  /** How many of the next transactions of sagas commit without anybody learning of it. */
  unanswered = 0;
  engine: SagaEngine;

  constructor(database: Database, options: SetupOptions) {
    this.database = database;
    this.engine = this.#make(options);
  }

  static async open(options: SetupOptions): Promise<Setup> {
    const database = await sqliteStorage({ folder: ":memory:", clock: systemClock() }).open("tests");
    const note = { name: "0001_note", sql: "CREATE TABLE note (what TEXT PRIMARY KEY)" };
    await database.migrate([
      { owner: "kernel.saga", migrations: sagaMigrations },
      { owner: "test", migrations: [note] },
    ]);
    opened.push(database);
    return new Setup(database, options);
  }

  /** Ends the engine and starts another, perhaps with other code. */
  async restart(options: SetupOptions): Promise<void> {
    await this.drive(this.engine.stop());
    this.engine = this.#make(options);
    await this.drive(this.engine.recover());
  }

  /** Starts a saga, committed and woken. */
  async start<I>(saga: Saga<I, unknown, never>, input: I, id: string, origin?: SagaOrigin): Promise<void> {
    const calm: SagaOrigin = { identity: undefined, criticality: "normal", trace: undefined };
    await this.database.write({ label: "start" }, (connection) =>
      this.engine.start(connection, saga as Saga, input, id, origin ?? calm),
    );
    this.engine.wake(id);
  }

  /** Sends a signal, committed; `wakes` says whether the saga is told at once. */
  async signal<P>(id: string, signal: SagaSignal<P>, payload: P, wakes = true): Promise<void> {
    await this.database.write({ label: "signal" }, (connection) => this.engine.signal(connection, id, signal, payload));
    if (wakes) this.engine.wake(id);
  }

  /** The saga once it has come to something. */
  async outcome(id: string): Promise<SagaView> {
    const view = await this.drive(this.engine.waitFor(id, 3_000_000));
    if (view === undefined) throw new Error(`There is no saga ${id}.`);
    return view;
  }

  /** Runs the clock until the saga has this status. */
  async until(id: string, status: SagaView["status"]): Promise<SagaView> {
    for (let turns = 0; turns < 20_000; turns += 1) {
      const view = await this.engine.view(id);
      if (view?.status === status) return view;
      await this.drive(Promise.resolve(), 50);
      await this.clock.advance(50);
    }
    throw new Error(`The saga ${id} does not become ${status}.`);
  }

  /** Lets a promise settle while the clock runs. */
  async drive<T>(promise: Promise<T>, stepMs = 20): Promise<T> {
    const state = { done: false };
    const done = (): void => {
      state.done = true;
    };
    promise.then(done, done);
    for (let turns = 0; turns < 200_000; turns += 1) {
      for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (state.done) return promise;
      await this.clock.advance(stepMs);
    }
    throw new Error("Nothing happens.");
  }

  /** The rows of a statement. */
  rows(sql: string): Promise<Readonly<Record<string, unknown>>[]> {
    return this.database.read({ label: "rows" }, (connection) => connection.all(sql));
  }

  #make({ sagas, limits }: SetupOptions): SagaEngine {
    const log: Logger = {
      ...silentLogger,
      error: (_, fields = {}) => {
        this.errors.push(fields);
      },
    };
    return new SagaEngine({
      service: "tests",
      sagas: sagas as readonly Saga[],
      database: this.database,
      clock: this.clock,
      random: seededRandom(3),
      log,
      transact: async (label, _, body) => {
        const result = await this.database.write({ label }, (connection) =>
          body({ ...writerOn<never>(connection), emit: () => Promise.resolve({} as EventRecord<never>) }),
        );
        this.unanswered -= 1;
        if (this.unanswered >= 0) throw ConnectionLost.with({ database: "tests" });
        return result;
      },
      call: (call, options) => this.callees.answer(call, options),
      isCommand: ({ operation }) => operation === "does",
      observer: {
        ended: (saga, status) => this.heard.push(`${saga} ${status}`),
        stuck: (saga, step) => this.heard.push(`${saga} stuck at ${step}`),
      },
      limits: { backoffBaseMs: 100, backoffMaxMs: 3_000, stuckAfterAttempts: 4, ...limits },
    });
  }
}
