/**
 * Runs the sagas of one service.
 *
 * What holds across a crash at any point: a saga that was committed is found again by `wake_at`, and goes on from its
 * journal. One engine at a time runs the sagas of a service.
 */
import { validator } from "../schema/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import { DueSagas } from "./due.ts";
import { SagaElsewhere, SagaMissing } from "./faults.ts";
import { followSaga } from "./following.ts";
import { Fiber } from "./fiber.ts";
import type { FiberHost } from "./host.ts";
import { Journal } from "./journal.ts";
import { type SagaEngineOptions, type SagaLimits, limitsOf } from "./options.ts";
import {
  type Entry,
  INSERT_SAGA,
  ROW_COLUMNS,
  type SagaOrigin,
  type SagaRow,
  newRow,
  readableRow,
  viewOf,
} from "./records.ts";
import type { Saga, SagaSignal, SagaView } from "./saga.ts";
import { Watchers, isSettled } from "./watchers.ts";
import { type SagaListRequest, listRows } from "./list.ts";

/** A saga that runs, or is being loaded. */
interface Slot {
  fiber: Fiber | undefined;
  /** Whether something happened that it must look at: it is run again when it stops. */
  again: boolean;
  loaded: Promise<void>;
}

interface Beginning {
  readonly slot: Slot;
  readonly row: SagaRow;
  readonly entries: readonly Entry[] | undefined;
  /** Done before the saga runs. */
  readonly first: ((fiber: Fiber) => void) | undefined;
}

/** How near an engine is to its bounds. */
export interface SagaStats {
  readonly running: number;
  readonly concurrentMax: number;
  readonly queued: number;
  readonly queuedMax: number;
}

const FIND_ROW = `SELECT ${ROW_COLUMNS} FROM isomer_saga WHERE id = ?`;
const FIND_JOURNAL = "SELECT name, kind, status, value, seq FROM isomer_saga_journal WHERE saga_id = ? ORDER BY seq";
const INSERT_SIGNAL = `INSERT INTO isomer_saga_signal (saga_id, name, payload, at) VALUES (?, ?, ?, ?)
  ON CONFLICT (saga_id, name) DO NOTHING`;
// So that the signal is noticed also when the process ends before it is woken.
const HASTEN = "UPDATE isomer_saga SET wake_at = ? WHERE id = ? AND wake_at > ?";
const FIND_UNFINISHED =
  "SELECT id FROM isomer_saga WHERE wake_at IS NOT NULL AND status IN ('running', 'compensating') LIMIT 1";
const LOAD_AGAIN_MS = 500;

/** The engine of one service's sagas. */
export class SagaEngine implements FiberHost {
  readonly options: SagaEngineOptions;
  readonly limits: SagaLimits;
  readonly journal: Journal;
  readonly #sagas = new Map<string, Saga>();
  readonly #live = new Map<string, Slot>();
  readonly #queue = new Set<string>();
  /** Rows of sagas that were just started, so that they need not be read. Bounded like the queue. */
  readonly #started = new Map<string, SagaRow>();
  /** Sagas that this engine has put away itself. One that is forgotten is only handled with more care. */
  readonly #parked = new Set<string>();
  readonly #watchers: Watchers;
  readonly #due: DueSagas;
  #stopped = false;
  #idle: (() => void)[] = [];

  /** @throws {TypeError} when two sagas have one name and version. */
  constructor(options: SagaEngineOptions) {
    const { service, database, clock, random, log } = options;
    this.options = options;
    this.limits = limitsOf(options.limits);
    this.journal = new Journal({
      write: (label, body) => database.write({ label: `${service}.${label}` }, body),
      clock,
      random,
      log,
    });
    for (const saga of options.sagas) {
      const key = versionKey(saga.name, saga.version);
      if (this.#sagas.has(key)) throw new TypeError(`${service} lists the saga ${key} twice.`);
      this.#sagas.set(key, saga);
    }
    this.#watchers = new Watchers(clock);
    this.#due = new DueSagas({
      service,
      database,
      clock,
      log,
      take: (id) => this.#live.has(id) || this.#take(id),
      polled: () => {
        this.#ping();
      },
      lookAgainMs: options.lookAgainMs,
    });
  }

  /**
   * Starts a saga in the caller's transaction; with an id that exists it does nothing. Once the transaction has committed,
   * {@link wake} sets it going; after a crash in between, {@link recover} does.
   * @throws {Invalid} when the input does not fit, {TypeError} when the service does not list the saga.
   */
  // oxlint-disable-next-line max-params -- the transaction, what to start, and on whose behalf
  async start(connection: SqlConnection, saga: Saga, input: unknown, id: string, origin: SagaOrigin): Promise<void> {
    if (!this.#sagas.has(versionKey(saga.name, saga.version))) {
      throw new TypeError(
        `The service ${this.options.service} does not list the saga "${saga.name}", version ${saga.version}.`,
      );
    }
    const checked = validator(saga.input, `input of the saga ${saga.name}`).parse(input);
    const now = this.options.clock.now();
    const row = newRow({ id, saga: saga.name, version: saga.version, input: checked, now }, origin);
    const { input: text, identity, criticality, trace } = row;
    const values = [id, saga.name, saga.version, text, now, identity, criticality, trace, now, now];
    const inserted = await connection.run(INSERT_SAGA, values);
    if (inserted === 0) this.#started.delete(id);
    else if (this.options.follows === undefined) {
      this.#started.set(id, row);
      this.#bound(this.#started);
    }
  }

  /**
   * Sends a signal in the caller's transaction; the first of a name is kept. It may come before the saga waits for it, or
   * before the saga exists. Once the transaction has committed, {@link wake} lets the saga look.
   * @throws {Invalid} when the payload does not fit.
   */
  async signal<P>(connection: SqlConnection, sagaId: string, signal: SagaSignal<P>, payload: P): Promise<void> {
    const checked = validator(signal.payload, `payload of the signal ${signal.name}`).parse(payload);
    const now = this.options.clock.now();
    await connection.run(INSERT_SIGNAL, [sagaId, signal.name, JSON.stringify(checked) ?? "null", now]);
    await connection.run(HASTEN, [now, sagaId, now]);
  }

  /** Lets a saga run, or look again: after the commit that started or signalled it. An unknown id does nothing. */
  wake(id: string): void {
    const { follows } = this.options;
    if (this.#stopped) return;
    if (follows !== undefined) follows();
    else if (!this.#take(id)) this.#due.more();
  }

  /** Goes on with all unfinished sagas; to be called once, before anything else. Resolves when the first are found. */
  recover(): Promise<void> {
    return this.options.follows === undefined ? this.#due.poll() : Promise.resolve();
  }

  /** A saga as it stands, or undefined when there is none with this id. */
  async view(id: string): Promise<SagaView | undefined> {
    const fiber = this.#live.get(id)?.fiber;
    if (fiber !== undefined) return liveView(fiber);
    const row = await this.#row(id);
    return row === undefined ? undefined : viewOf(row);
  }

  /** Sagas in the order of their ids, after one of them: for operators. */
  async list(request: SagaListRequest = {}): Promise<readonly SagaView[]> {
    const rows = await this.options.database.read({ label: this.#label("saga.list") }, (connection) =>
      listRows(connection, request),
    );
    const views = rows.map((row) => {
      const fiber = this.#live.get(row.id)?.fiber;
      return fiber === undefined ? viewOf(this.#readable(row)) : liveView(fiber);
    });
    return request.status === undefined ? views : views.filter(({ status }) => status === request.status);
  }

  /**
   * Resolves to the saga when it has ended, waits or is stuck, or to what it is when `timeoutMs` have passed; undefined
   * when there is none. One that is turning back is awaited: until it is back, what it did is still there.
   */
  async waitFor(id: string, timeoutMs: number): Promise<SagaView | undefined> {
    const { clock, follows } = this.options;
    if (follows !== undefined) return followSaga({ clock, timeoutMs, view: () => this.view(id) });
    const watch = this.#watchers.watch(id, timeoutMs);
    const busy = this.#live.has(id) || this.#queue.has(id);
    const view = busy && timeoutMs > 0 ? undefined : await this.view(id);
    // It may have been queued while its row was read.
    const moves = this.#live.has(id) || this.#queue.has(id);
    if (!busy && (view === undefined || timeoutMs <= 0 || (isSettled(view.status) && !moves))) {
      watch.cancel();
      return view;
    }
    return (await watch.settled) ?? this.view(id);
  }

  /** Tries a saga again now instead of at its next moment. @throws {SagaMissing} {SagaElsewhere} */
  async retry(id: string): Promise<SagaView> {
    this.#mustLead(id);
    this.#live.get(id)?.fiber?.work.endRests(true);
    const view = await this.view(id);
    if (view === undefined) throw SagaMissing.with({ id });
    this.wake(id);
    return view;
  }

  /**
   * Ends a saga. Before its pivot it turns back (what is under way is awaited first, so the status may be another for a
   * while); past it, or on the way back, it is left as it is and marked `aborted`. @throws {SagaMissing} {SagaElsewhere}
   */
  async abort(id: string): Promise<SagaView> {
    this.#mustLead(id);
    this.#queue.delete(id);
    const running = this.#live.get(id);
    const slot = running ?? this.#begin(id, (fiber) => fiber.abort());
    await slot.loaded;
    const { fiber } = slot;
    if (fiber === undefined) {
      const view = await this.view(id);
      if (view === undefined) throw SagaMissing.with({ id });
      return view;
    }
    if (running !== undefined) fiber.abort();
    this.options.log.warn("An operator ended a saga.", { saga: fiber.row.saga, sagaId: id });
    await fiber.ledger.durable();
    return liveView(fiber);
  }

  stats(): SagaStats {
    const { concurrentMax, queuedMax } = this.limits;
    return { running: this.#live.size, concurrentMax, queued: this.#queue.size, queuedMax };
  }

  /** Starts no further step; resolves when those under way have their outcome, and it is durable. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#queue.clear();
    this.#watchers.stop();
    const slots = [...this.#live.values()];
    await Promise.all(slots.map(({ fiber, loaded }) => fiber?.work.stop() ?? loaded));
    await this.#due.stop();
    // The outcomes are on their way to the journal.
    await new Promise<void>((resolve) => this.options.clock.soon(resolve));
    this.journal.stop();
    await this.journal.idle();
  }

  /** Resolves when no saga is running or turning back: all have ended, wait, or are stuck. For tests and settling. */
  async idle(): Promise<void> {
    for (;;) {
      if (this.#stopped) return;
      if (this.#live.size === 0 && this.#queue.size === 0 && !this.#due.isPolling) {
        await this.journal.idle();
        const rows = await this.options.database.read({ label: this.#label("saga.idle") }, (connection) =>
          connection.all(FIND_UNFINISHED),
        );
        if (rows.length === 0) return;
      }
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** For fibers. */
  ended(fiber: Fiber): void {
    const { row } = fiber;
    const again = this.#live.get(row.id)?.again === true;
    this.#live.delete(row.id);
    if (fiber.isParked) {
      this.#parked.add(row.id);
      this.#bound(this.#parked);
    }
    if (row.wake_at === null) {
      this.options.observer?.ended?.(row.saga, row.status, row.updated_at - row.started_at);
      this.#watchers.notify(row);
    } else if (again) {
      this.wake(row.id);
    } else {
      this.#due.arm(row.wake_at);
      this.#watchers.notify(row);
    }
    this.#pump();
  }

  /** Takes an id to be run; false when there is no room. */
  #take(id: string): boolean {
    if (this.#stopped) return true;
    const slot = this.#live.get(id);
    if (slot !== undefined) {
      slot.again = true;
      return true;
    }
    if (this.#queue.size >= this.limits.queuedMax) return false;
    this.#queue.add(id);
    this.#pump();
    return true;
  }

  #pump(): void {
    for (const id of this.#queue) {
      if (this.#stopped || this.#live.size >= this.limits.concurrentMax) break;
      this.#queue.delete(id);
      this.#begin(id);
    }
    if (this.#queue.size < this.limits.queuedMax / 2) this.#due.room();
    this.#ping();
  }

  #ping(): void {
    if (this.#idle.length > 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #begin(id: string, first?: (fiber: Fiber) => void): Slot {
    const slot: Slot = { fiber: undefined, again: false, loaded: Promise.resolve() };
    this.#live.set(id, slot);
    const row = this.#started.get(id);
    if (row === undefined) {
      slot.loaded = this.#load(id, slot, first);
    } else {
      this.#started.delete(id);
      this.#run({ slot, row, entries: undefined, first });
    }
    return slot;
  }

  async #load(id: string, slot: Slot, first?: (fiber: Fiber) => void): Promise<void> {
    try {
      const [row, entries] = await this.options.database.read(
        { label: this.#label("saga.load") },
        async (connection) => {
          const rows = await connection.all<SagaRow>(FIND_ROW, [id]);
          const [found] = rows.map((one) => this.#readable(one));
          return [found, await connection.all<Entry>(FIND_JOURNAL, [id])] as const;
        },
      );
      if (row === undefined || row.wake_at === null || this.#stopped) this.#drop(id, row);
      else this.#run({ slot, row, entries, first });
    } catch (error) {
      this.options.log.warn("A saga could not be loaded; it is tried again.", { sagaId: id, error });
      this.#drop(id, undefined);
      this.#due.arm(this.options.clock.now() + LOAD_AGAIN_MS);
    }
  }

  #drop(id: string, row: SagaRow | undefined): void {
    this.#live.delete(id);
    if (row === undefined) this.#watchers.forget(id);
    else this.#watchers.notify(row);
    this.#pump();
  }

  #run({ slot, row, entries, first }: Beginning): void {
    const saga = this.#sagas.get(versionKey(row.saga, row.version));
    const isRecovered = entries !== undefined && !this.#parked.delete(row.id);
    const fiber = new Fiber(this, { saga, row, entries: entries ?? [], isRecovered });
    slot.fiber = fiber;
    first?.(fiber);
    fiber.run();
  }

  /** Forgets the oldest: started in a transaction that was rolled back, or asleep for long. */
  #bound(known: Map<string, SagaRow> | Set<string>): void {
    if (known.size <= this.limits.queuedMax) return;
    for (const id of known.keys()) {
      known.delete(id);
      break;
    }
  }

  async #row(id: string): Promise<SagaRow | undefined> {
    const rows = await this.options.database.read({ label: this.#label("saga.view") }, (connection) =>
      connection.all<SagaRow>(FIND_ROW, [id]),
    );
    return rows.map((row) => this.#readable(row))[0];
  }

  #readable(row: SagaRow): SagaRow {
    return readableRow(this.#sagas.get(versionKey(row.saga, row.version)), row);
  }

  #mustLead(id: string): void {
    if (this.options.follows !== undefined) throw SagaElsewhere.with({ id });
  }

  #label(what: string): string {
    return `${this.options.service}.${what}`;
  }
}

function versionKey(name: string, version: number): string {
  return `${name}@${version}`;
}

/** A saga under way. Its end is not told before it is durable. */
function liveView({ row, underWay }: Fiber): SagaView {
  return viewOf(row.wake_at === null ? { ...row, status: underWay } : row);
}
