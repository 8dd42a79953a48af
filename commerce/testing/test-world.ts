/**
 * Some services of the shop as the runtime runs them, over databases in memory: for tests of what a service does
 * among others. Services that a test is not about are stood in for.
 */
import {
  type Call,
  type ContractBase,
  type EventType,
  type DataOf,
  type Identity,
  type Operation,
  anyone,
} from "@isomer/kernel/contract";
import { openWorld } from "@isomer/kernel/node";
import { promptEventLoop } from "@isomer/kernel/guard";
import {
  type CommandContext,
  Host,
  type MailPort,
  type Service,
  type Settings,
  defineSystem,
  implement,
} from "@isomer/kernel/runtime";
import { type Clock, type Fault, isFault, silentLogger } from "@isomer/kernel/std";

/** The real clock, moved on by a test. Timers are not moved: tests run jobs by name. */
class MovedClock implements Clock {
  readonly #clock: Clock;
  #offsetMs = 0;
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  now(): number {
    return this.#clock.now() + this.#offsetMs;
  }
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }
  after: Clock["after"] = (delayMs, action) => this.#clock.after(delayMs, action);
  soon: Clock["soon"] = (action) => this.#clock.soon(action);
  move(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** How a call is made. */
export interface As {
  readonly identity?: Identity;
  readonly key?: string;
}

/** What {@link testWorld} takes. */
export interface TestWorldOptions {
  readonly services: readonly Service[];
  readonly settings?: Settings;
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  readonly mail?: MailPort;
}

/** Services that run. */
export interface TestWorld extends AsyncDisposable {
  readonly host: Host;
  /** Moves dates on. */
  move(ms: number): void;
  call<Output>(call: Call<string, Output>, as?: As): Promise<Output>;
  /** The fault that a call ends in. Rejects when there is none. */
  fault(call: Call, as?: As): Promise<Fault>;
  /** Records an event of a service, as if it had happened there, and waits until it was heard. */
  emit<E extends EventType>(event: E, data: DataOf<E>): Promise<void>;
  /** The rows of a statement in a service's database. */
  rows<R>(service: string, sql: string): Promise<R[]>;
  /** The data of all events of one type that a service recorded. */
  events<E extends EventType>(event: E): Promise<DataOf<E>[]>;
}

/** Starts services. Jobs run when a test runs them. */
export async function testWorld({ services, settings, roles = {}, mail }: TestWorldOptions): Promise<TestWorld> {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger, relaxed: true });
  const clock = new MovedClock(open.world.clock);
  const world = { ...open.world, clock, eventLoop: promptEventLoop, ...(mail === undefined ? {} : { mail }) };
  const system = defineSystem({ name: "test", services, roles });
  const host = await Host.start({ system, world, jobs: false, ...(settings === undefined ? {} : { settings }) });
  const invoke = async (call: Call, as: As = {}): Promise<unknown> => {
    const { service, operation, input } = call;
    return (await host.invoke({ service, operation, input, ...as })).output;
  };
  const rows = <R>(service: string, sql: string): Promise<R[]> => {
    const database = host.databases().get(service);
    if (database === undefined) throw new TypeError(`There is no service "${service}" in this test.`);
    return database.read({ label: "test" }, (connection) => connection.all<R>(sql));
  };
  return {
    host,
    move: (ms) => clock.move(ms),
    call: <Output>(call: Call<string, Output>, as?: As) => invoke(call, as) as Promise<Output>,
    async fault(call, as) {
      const outcome = await invoke(call, as).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (isFault(outcome)) return outcome;
      throw new Error(`Expected a fault of ${call.service}.${call.operation}.`, { cause: outcome });
    },
    async emit(event, data) {
      const origin = { caller: undefined, identity: undefined, trace: undefined, criticality: "normal" } as const;
      await host.runner(event.service).transact("test", origin, undefined, (tx) => tx.emit(event, data));
      await host.idle();
    },
    rows,
    async events(event) {
      const found = await rows<{ data: string }>(
        event.service,
        `SELECT data FROM isomer_log WHERE type = '${event.name}' ORDER BY position`,
      );
      return found.map(({ data }) => JSON.parse(data) as DataOf<typeof event>);
    },
    [Symbol.asyncDispose]: async () => {
      await host.stop();
      open.close();
    },
  };
}

/** A handler of a stand-in. */
export type StandInHandler = (input: never, identity: Identity | undefined) => unknown;

/** How a stand-in behaves. */
export interface StandInOptions {
  readonly uses?: readonly ContractBase[];
  readonly queries?: Readonly<Record<string, StandInHandler>>;
  readonly commands?: Readonly<Record<string, StandInHandler>>;
}

/** A service with another's name and events. Only the operations that are given are there, for anybody. */
export function standIn(contract: ContractBase, options: StandInOptions = {}): Service {
  const { uses = [], queries = {}, commands = {} } = options;
  const reduced = {
    ...contract,
    commands: open(contract.commands, commands),
    queries: open(contract.queries, queries),
  };
  type Ctx = CommandContext<never>;
  return implement()(reduced as ContractBase, {
    uses,
    commands: mapped(commands, (handler) => async (input: unknown, ctx: Ctx) => {
      const output = await handler(input as never, ctx.identity);
      return ctx.transaction(() => Promise.resolve(output));
    }) as never,
    queries: mapped(
      queries,
      (handler) => async (input: unknown, ctx: Ctx) => handler(input as never, ctx.identity),
    ) as never,
  });
}

/** Those operations that have a handler, for anybody. */
function open(operations: Readonly<Record<string, Operation>>, handlers: Readonly<Record<string, StandInHandler>>) {
  const given = Object.entries(operations).filter(([name]) => name in handlers);
  return Object.fromEntries(given.map(([name, definition]) => [name, { ...definition, allow: [anyone] }]));
}

function mapped(
  handlers: Readonly<Record<string, StandInHandler>>,
  make: (handler: StandInHandler) => (input: unknown, ctx: CommandContext<never>) => Promise<unknown>,
) {
  return Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, make(handler)]));
}
