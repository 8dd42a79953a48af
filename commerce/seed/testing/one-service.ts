/**
 * One service over a real SQLite database in memory, without the runtime around it: for tests of what a service does
 * itself. Inputs, outputs and events are checked against the contract; access rules and idempotency are not applied.
 */
import type { Call, ContractBase, Operation } from "@isomer/kernel/contract";
import { eventsMigrations, readLog, recorderOn } from "@isomer/kernel/events";
import type { CommandContext, Service, Tx } from "@isomer/kernel/runtime";
import { validator } from "@isomer/kernel/schema";
import { isFault, silentLogger, uuidV7 } from "@isomer/kernel/std";
import { type Database, type SqlConnection, writerOn } from "@isomer/kernel/store";
import { systemClock } from "../../../kernel/src/node/clock.ts";
import { loadMigrations } from "../../../kernel/src/sqlite/mod.ts";
import { sqliteStorage } from "../../../kernel/src/node/sqlite/mod.ts";
import { ManualClock } from "../../../kernel/src/std/testing/manual-clock.ts";
import { seededRandom } from "../../../kernel/src/std/testing/seeded-random.ts";

type Handler = (input: unknown, ctx: CommandContext<never>) => Promise<unknown>;

/** A service that a test holds. */
export interface OneService extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly database: Database;
  /** Calls an operation as the runtime would: checks what goes in and what comes out. */
  call<Output>(call: Call<string, Output>): Promise<Output>;
  /** Runs a job once; resolves to whether there was more to do. */
  job(name: string): Promise<boolean>;
  /** The names of the events recorded since the last time asked. */
  events(): Promise<readonly string[]>;
}

/** How the world around the service is. */
export interface OneServiceOptions {
  /** Answers the calls that the service makes. */
  readonly answer?: (call: Call) => Promise<unknown>;
  /** Whether the caller holds all permissions; yes unless said. */
  readonly may?: boolean;
}

/** Opens a service over an empty database. */
export async function oneService(service: Service, options: OneServiceOptions = {}): Promise<OneService> {
  const { contract } = service;
  const clock = new ManualClock();
  const ids = uuidV7(clock, seededRandom(1));
  const database = await sqliteStorage({ folder: ":memory:", clock: systemClock() }).open(contract.name);
  await database.migrate([
    { owner: "events", migrations: eventsMigrations },
    { owner: "service", migrations: loadMigrations(service.migrations) },
  ]);
  const recording = {
    service: contract.name,
    events: contract.events,
    ids,
    clock,
    actor: {},
    trace: undefined,
  };
  const txOn = (connection: SqlConnection): Tx<never> =>
    ({
      ...writerOn<never>(connection),
      ...recorderOn(connection, recording),
    }) as unknown as Tx<never>;
  const ctx = {
    caller: undefined,
    identity: undefined,
    settings: {},
    log: silentLogger,
    ids,
    signal: new AbortController().signal,
    criticality: "normal",
    key: "test",
    now: () => clock.now(),
    remainingMs: () => 1_000,
    can: () => options.may ?? true,
    call: (call: Call) => (options.answer ?? refuse)(call),
    attempt: (call: Call) =>
      (options.answer ?? refuse)(call).then(
        (value) => ({ ok: true, value }),
        (fault: unknown) => (isFault(fault) ? { ok: false, fault } : Promise.reject(fault as Error)),
      ),
    transaction: (body: (tx: Tx<never>) => Promise<unknown>) =>
      database.write({ label: "test" }, (connection) => body(txOn(connection))),
    read: (body: (db: never) => Promise<unknown>) =>
      database.read({ label: "test" }, (connection) => body(writerOn<never>(connection) as never)),
  } as unknown as CommandContext<never>;
  let seen = 0;
  return {
    clock,
    database,
    call: <Output>(call: Call<string, Output>) => carryOut(service, call, ctx) as Promise<Output>,
    async job(name) {
      const job = service.jobs.find((each) => each.name === name);
      if (job === undefined) throw new TypeError(`There is no job "${name}".`);
      return job.run(ctx as never);
    },
    async events() {
      const records = await database.read({ label: "test" }, (connection) =>
        readLog(connection, contract.name, { after: seen, limit: 10_000 }),
      );
      seen = records.at(-1)?.position ?? seen;
      return records.map((record) => record.type);
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

async function carryOut(service: Service, call: Call, ctx: CommandContext<never>): Promise<unknown> {
  const { contract } = service;
  const operation = operationOf(contract, call.operation);
  const handlers: Readonly<Record<string, unknown>> = { ...service.commands, ...service.queries };
  const handler = handlers[call.operation] as Handler;
  const input = validator(operation.input, `input of ${call.operation}`).parse(call.input);
  const output = await handler(input, ctx);
  return validator(operation.output, `output of ${call.operation}`).parse(output);
}

function operationOf(contract: ContractBase, name: string): Operation {
  const operation = contract.commands[name] ?? contract.queries[name];
  if (operation === undefined) throw new TypeError(`${contract.name} has no operation "${name}".`);
  return operation;
}

function refuse(call: Call): Promise<never> {
  return Promise.reject(new TypeError(`Nobody answers ${call.service}.${call.operation} in this test.`));
}
