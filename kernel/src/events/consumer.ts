/**
 * Delivery: brings the events of one source to one subscriber, each with effect once, in order within its key.
 *
 * What holds across a crash at any point: an event's effect and its inbox row commit together, so an event that is
 * read again changes nothing; and the stored cursor never passes an event that is neither done nor dead, so none is
 * left out. Everything else here is memory that may be lost.
 */
import type { EventType } from "../contract/mod.ts";
import { type Clock, type Fault, type Logger, type Random, type Timer, toFault } from "../std/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import { Backlog, type Lane } from "./backlog.ts";
import { type ConsumerLimits, limitsOf } from "./consumer-limits.ts";
import { Cursor } from "./cursor.ts";
import { type Redriver, type Transact, buryEvent } from "./dead-letters.ts";
import type { EventRecord } from "./event.ts";
import { claimEvent } from "./inbox.ts";
import { EventsPruned } from "./log-pruning.ts";
import { Losses } from "./losses.ts";
import type { EventSource } from "./source.ts";
import { checkUpcasts, upcast } from "./upcast.ts";

/**
 * What became of an attempt: `done`; `repeated`, it had taken effect before; `failed`, it will be tried again;
 * `dead`, it was given up and is a dead letter.
 */
export type Outcome = "done" | "repeated" | "failed" | "dead";

/** What {@link Consumer} needs. */
export interface ConsumerOptions {
  /** Unique within the subscriber's database and source. The inbox and the cursor go by it: renaming it replays. */
  readonly name: string;
  readonly source: EventSource;
  /** The types that it hears, of this source. */
  readonly events: readonly EventType[];
  readonly transact: Transact;
  /** Takes effect, in the transaction of the inbox. The event is in the newest version that this build knows. */
  readonly handle: (event: EventRecord, connection: SqlConnection) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of each attempt, for metrics; `lagMs` is the time since the event was recorded. */
  readonly observe?: (type: string, outcome: Outcome, lagMs: number) => void;
  readonly limits?: Partial<ConsumerLimits>;
}

/** How near a consumer is to its bounds: for gauges. */
export interface ConsumerStats {
  /** Everything up to this position is done or dead. */
  readonly position: number;
  readonly unfinished: number;
  readonly unfinishedMax: number;
  readonly active: number;
  readonly activeMax: number;
  readonly parkedKeys: number;
  readonly parkedKeysMax: number;
  /** When the oldest unfinished event was recorded, milliseconds since 1970. */
  readonly oldestAt: number | undefined;
}

interface Subscribed {
  readonly event: EventType;
  readonly label: string;
}

/** Delivers one source's events to one subscriber, while {@link Consumer.run} runs. */
export class Consumer implements Redriver {
  readonly name: string;
  readonly source: EventSource;
  readonly transact: Transact;
  readonly #options: ConsumerOptions;
  readonly #limits: ConsumerLimits;
  readonly #subscribed: ReadonlyMap<string, Subscribed>;
  readonly #types: ReadonlySet<string>;
  readonly #cursor: Cursor;
  readonly #losses: Losses;
  readonly #timers = new Set<Timer>();
  readonly #waiting: (() => void)[] = [];
  #backlog = new Backlog();
  #signal: AbortSignal | undefined;
  #stopped: (() => void) | undefined;
  /** Everything up to here was read. */
  #read = 0;
  #unread = false;
  #reading = false;
  /** Whether reading waits for a timer after it failed: nothing hurries it. */
  #resting = false;
  #active = 0;

  /** @throws {UpcastMissing} when an event lacks one, {TypeError} when it comes from another source. */
  constructor(options: ConsumerOptions) {
    this.name = options.name;
    this.source = options.source;
    this.transact = options.transact;
    this.#options = options;
    this.#limits = limitsOf(options.limits);
    const subscribed = new Map<string, Subscribed>();
    for (const event of options.events) {
      if (event.service !== options.source.service) {
        throw new TypeError(
          `The consumer "${options.name}" hears ${options.source.service}, but ${event.name} is of ${event.service}.`,
        );
      }
      checkUpcasts(event);
      subscribed.set(event.name, { event, label: `on.${event.service}.${event.name}` });
    }
    this.#subscribed = subscribed;
    this.#types = new Set(subscribed.keys());
    const { name: consumer, transact, clock, log } = options;
    const position = (): number => this.#position;
    const everyMs = this.#limits.cursorEveryMs;
    const { service: source } = this.source;
    this.#cursor = new Cursor({ consumer, source, types: this.#types, transact, clock, log, everyMs, position });
    this.#losses = new Losses({ consumer, source, log, miss: (upTo) => this.#cursor.miss(upTo) });
  }

  /** Delivers until the signal is aborted; then finishes what is under way, saves the cursor and resolves. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#signal !== undefined) throw new TypeError(`The consumer "${this.name}" runs already.`);
    this.#signal = signal;
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
    const pump = (): void => this.#pump();
    signal.addEventListener("abort", pump);
    const deaf = this.source.onAppend(() => this.wake());
    this.#backlog = new Backlog();
    void this.#begin();
    await stopped;
    deaf();
    signal.removeEventListener("abort", pump);
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    await this.#cursor.flush();
    this.#resting = false;
    this.#signal = undefined;
    this.#tellWaiting();
  }

  /**
   * Makes sure that it could hear all from the beginning.
   * @throws {EventsPruned} when the log has not all of it any more, {EventsExpired} when the broker has not.
   */
  async wholly(): Promise<void> {
    const { service, isCopy } = this.source;
    // A copy knows best itself what it lacks.
    if (isCopy === true) await this.source.read({ after: 0, limit: 1, types: this.#types });
    const pruned = await this.source.begin(this.#types);
    if (pruned > 0) throw EventsPruned.with({ service, after: 0, pruned });
  }

  /** Why it cannot go on: what comes next was deleted, and it had begun before. Undefined when it can. */
  get stuck(): Fault | undefined {
    return this.#losses.stuck;
  }

  /** Whether it runs here. */
  get isRunning(): boolean {
    return this.#signal !== undefined;
  }

  /**
   * Goes on without what is gone, when that is what keeps it; resolves to whether it was. Nothing is passed over that it
   * could hear. While the broker has less than the log, rewind the stream instead.
   */
  async skip(): Promise<boolean> {
    const next = await this.#losses.skip(this.#read);
    if (next === undefined) return false;
    this.#read = next;
    this.#resting = false;
    this.#cursor.moved();
    this.wake();
    return true;
  }

  /** Looks for new events now. */
  wake(): void {
    this.#unread = true;
    this.#pump();
  }

  /**
   * Resolves at a moment when everything that is in the source is done or dead: while more is told than handled, that
   * moment does not come. For tests, and to see a system settle.
   * @throws {TypeError} when it does not run.
   */
  async idle(): Promise<void> {
    for (;;) {
      if (this.#signal === undefined) throw new TypeError(`The consumer "${this.name}" does not run.`);
      const head = await this.source.head();
      if (this.#quiet && this.#read >= head) return;
      if (this.#read < head && !this.#unread) this.wake();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** How many positions lie between the last event of the source and what is done. */
  async lag(): Promise<number> {
    return Math.max(0, (await this.source.head()) - this.#position);
  }

  /** How near it is to its bounds. */
  stats(): ConsumerStats {
    return {
      position: this.#position,
      unfinished: this.#backlog.size,
      unfinishedMax: this.#limits.unfinishedMax,
      active: this.#active,
      activeMax: this.#limits.keysConcurrentMax,
      parkedKeys: this.#backlog.parked,
      parkedKeysMax: this.#limits.parkedKeysMax,
      oldestAt: this.#backlog.oldest?.at,
    };
  }

  /** The clock's time, for {@link Redriver}. */
  now(): number {
    return this.#options.clock.now();
  }

  /** Hands the event to the handler, in its newest version. */
  deliver(event: EventRecord, connection: SqlConnection): Promise<void> {
    const known = this.#subscribed.get(event.type);
    if (known === undefined)
      throw new TypeError(`"${this.name}" does not hear ${event.service}.${event.type} (any more).`);
    return this.#options.handle(upcast(known.event, event), connection);
  }

  get #position(): number {
    const oldest = this.#backlog.oldest;
    return oldest === undefined ? this.#read : oldest.position - 1;
  }

  get #quiet(): boolean {
    return this.#backlog.size === 0 && !this.#reading && !this.#resting && !this.#unread;
  }

  /** Begins or goes on with whatever may go on now. Called after each change; never waits. */
  #pump(): void {
    if (this.#signal === undefined) return;
    if (this.#signal.aborted) {
      if (this.#active === 0 && !this.#reading) this.#stopped?.();
      return;
    }
    const { keysConcurrentMax, unfinishedMax, batchMax, parkedKeysMax } = this.#limits;
    while (this.#active < keysConcurrentMax) {
      const lane = this.#backlog.take();
      if (lane === undefined) break;
      this.#active += 1;
      void this.#serve(lane);
    }
    const room = this.#backlog.size + batchMax <= unfinishedMax && this.#backlog.parked < parkedKeysMax;
    if (this.#unread && !this.#reading && !this.#resting && room) void this.#readOn();
    if (this.#quiet) this.#tellWaiting();
  }

  /** Finds where to go on reading. */
  async #begin(): Promise<void> {
    this.#reading = true;
    try {
      const head = this.source.isCopy === true ? Number.POSITIVE_INFINITY : await this.source.head();
      const { position, missed, isNew } = await this.#cursor.load(head);
      this.#read = position;
      this.#losses.begin(missed, isNew);
      this.#unread = true;
    } catch (error) {
      this.#options.log.warn("Reading the cursor failed; it is tried again.", { consumer: this.name, error });
      this.#rest(() => void this.#begin());
    }
    this.#reading = false;
    this.#pump();
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    this.#unread = false;
    try {
      const limit = this.#limits.batchMax;
      const { missed } = this.#losses;
      const batch = await this.source.read({ after: this.#read, limit, types: this.#types, missed });
      this.#losses.passed(batch);
      for (const event of batch.events) if (!this.#cursor.hasHeard(event)) this.#backlog.admit(event);
      this.#read = batch.upTo;
      if (batch.more) this.#unread = true;
      this.#cursor.moved();
    } catch (error) {
      if (await this.#cannotRead(error)) this.#rest(() => this.wake());
      else this.#unread = true;
    }
    this.#reading = false;
    this.#pump();
  }

  /** Reading failed: resolves to whether that takes time to mend. */
  async #cannotRead(error: unknown): Promise<boolean> {
    const { log } = this.#options;
    const now = await this.#losses.failed(error).catch(() => false);
    if (!now && this.stuck === undefined) {
      log.warn("Reading events failed; it is tried again.", { consumer: this.name, error });
    }
    return !now;
  }

  #rest(then: () => void): void {
    this.#resting = true;
    this.#later(this.#limits.backoffMaxMs, () => {
      this.#resting = false;
      then();
    });
  }

  /** Tries the first event of a lane once. Never rejects. */
  async #serve(lane: Lane): Promise<void> {
    const event = lane.events[0];
    const outcome = event === undefined ? "done" : await this.#attempt(event, lane);
    this.#active -= 1;
    if (outcome === "failed") this.#park(lane);
    else this.#backlog.finish(lane);
    if (event !== undefined) this.#options.observe?.(event.type, outcome, this.now() - event.at);
    this.#cursor.moved();
    this.#pump();
  }

  async #attempt(event: EventRecord, lane: Lane): Promise<Outcome> {
    const label = this.#subscribed.get(event.type)?.label ?? this.name;
    try {
      return await this.transact(
        label,
        async (connection) => {
          if (!(await claimEvent(connection, this.name, event, this.now()))) return "repeated";
          await this.deliver(event, connection);
          return "done";
        },
        event,
      );
    } catch (error) {
      const fault = toFault(error);
      const { id, type, key, sequence } = event;
      const attempt = lane.failures + 1;
      this.#options.log.warn("An event could not be handled.", {
        consumer: this.name,
        id,
        type,
        key,
        sequence,
        attempt,
        error,
      });
      // A fault that says "wait" or "repeat" is nobody's mistake: giving the event up would not help.
      if (fault.kind === "unavailable" || fault.kind === "exhausted") return "failed";
      lane.strikes += 1;
      return lane.strikes < this.#limits.attemptsMax ? "failed" : this.#bury(event, fault, attempt);
    }
  }

  async #bury(event: EventRecord, fault: Fault, attempts: number): Promise<Outcome> {
    const at = this.now();
    try {
      const outcome = await this.transact(`${this.name}.bury`, async (connection) => {
        if (!(await claimEvent(connection, this.name, event, at))) return "repeated";
        await buryEvent(connection, { consumer: this.name, event, fault: fault.toJSON(), attempts, at });
        return "dead";
      });
      const { id, type, key } = event;
      const letter = { consumer: this.name, source: event.service, id, type, key, attempts, code: fault.code };
      if (outcome === "dead") this.#options.log.error("An event was given up, and is a dead letter now.", letter);
      return outcome;
    } catch (error) {
      this.#options.log.warn("A dead letter could not be kept; it is tried again.", {
        consumer: this.name,
        id: event.id,
        error,
      });
      return "failed";
    }
  }

  /** Full jitter: anywhere between at once and a ceiling that doubles with each failure. */
  #park(lane: Lane): void {
    this.#backlog.park(lane);
    const { backoffBaseMs, backoffMaxMs } = this.#limits;
    this.#later(Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(lane.failures - 1, 30)), () => {
      this.#backlog.unpark(lane);
      this.#pump();
    });
  }

  /** Runs the action within a time, unless it stops before. */
  #later(ceilingMs: number, action: () => void): void {
    const timer = this.#options.clock.after(ceilingMs * this.#options.random.next(), () => {
      this.#timers.delete(timer);
      if (this.#signal?.aborted === false) action();
    });
    this.#timers.add(timer);
  }

  #tellWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
