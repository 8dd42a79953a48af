/**
 * A place in the fleet that always has a process: one is started, watched, and started again when it ends, until the
 * place is given up.
 *
 * Across a crash of the process: nothing is kept here but its name and its count of failures. Across a crash of the
 * supervisor: nothing; the process ends itself, and `leftovers.ts` sees to it that it did.
 */
import { type Clock, type Timer, faultFrom, sleep } from "../../std/mod.ts";
import { NoAnswer } from "./faults.ts";
import { type HostProcess, type HostSpec, startHost } from "./host-process.ts";
import { type HostAnswer, type HostMessage, type HostQuestion, type HostStats, outcomeOf } from "./host-messages.ts";
import { RateMeter, type Rates } from "./rates.ts";
import { type RestartLimits, restartAfter } from "./restart-policy.ts";

/** Where a process is reached, as it says when it is ready. */
export type Reached = Omit<Extract<HostMessage, { type: "ready" }>, "type">;

/** What an instance is doing, since when (by the monotonic clock). */
export type InstanceState =
  | { readonly is: "starting"; readonly sinceMs: number }
  | ({ readonly is: "ready"; readonly sinceMs: number } & Reached)
  | { readonly is: "draining"; readonly sinceMs: number }
  | { readonly is: "stopping"; readonly sinceMs: number }
  | { readonly is: "waiting"; readonly sinceMs: number; readonly untilMs: number; readonly isLoop: boolean }
  | { readonly is: "ended"; readonly sinceMs: number };

/** How long an instance may take for what. */
export interface InstanceLimits {
  /** From its start until it is ready, in milliseconds; then it is killed, and started again. */
  readonly startMs: number;
  /** To drain, in milliseconds; then it is stopped all the same. */
  readonly drainMs: number;
  /** To end after it was told to, in milliseconds; then it is killed. */
  readonly stopMs: number;
  /** Without a sign of life, in milliseconds; then it is killed, and started again. */
  readonly silentMs: number;
  readonly restart: RestartLimits;
}

/** What an instance takes. */
export interface InstanceOptions {
  readonly spec: HostSpec;
  readonly clock: Clock;
  readonly limits: InstanceLimits;
  /** Called before each start of a process: writes its files, and says what to start. */
  readonly prepare: () => Promise<HostSpec>;
  /** Answers what the process asks of the whole fleet, or refuses to. */
  readonly question: (question: HostQuestion) => Promise<unknown>;
  /** Something worth a line happened. */
  readonly say: (text: string) => void;
  /** The state, or the process, changed. */
  readonly changed: () => void;
}

interface Waiter {
  /** Whether the place is given up when the process ends instead. */
  readonly isOnce: boolean;
  readonly resolve: () => void;
  readonly reject: (detail: string) => void;
}

/** How long a process may take to answer what it is asked, in milliseconds. */
const ASK_MS = 30_000;

/** A place for one process. */
export class Instance {
  readonly spec: HostSpec;
  readonly #options: InstanceOptions;
  readonly #waiters = new Set<Waiter>();
  #state: InstanceState;
  #process: HostProcess | undefined;
  #meter = new RateMeter();
  #timer: Timer | undefined;
  #failures = 0;
  #restarts = 0;
  #readyAtMs: number | undefined;
  #heardMs = 0;
  #startedMs: number | undefined;
  #retired: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #over: (() => void) | undefined;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #asks = 0;

  constructor(options: InstanceOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#state = { is: "starting", sinceMs: options.clock.monotonicMs() };
  }

  get name(): string {
    return this.spec.instance;
  }

  get state(): InstanceState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** How often a process was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** For how long the process has run, in milliseconds; undefined when none does. */
  get upMs(): number | undefined {
    return this.#startedMs === undefined ? undefined : this.#nowMs() - this.#startedMs;
  }

  /** How the process fared lately; undefined until it said so. */
  get rates(): Rates | undefined {
    return this.#meter.rates;
  }

  /** For how long nothing was heard of the process, in milliseconds; undefined when it is not ready. */
  get silentMs(): number | undefined {
    return this.#state.is === "ready" ? this.#nowMs() - this.#heardMs : undefined;
  }

  /** Starts the first process. */
  start(): void {
    this.#launch();
  }

  /**
   * Resolves when a process is ready. Rejects with what happened, as text, when it ended or took too long instead; with
   * `isOnce` none is started after that: whoever waits takes the place back.
   */
  ready({ isOnce = false }: { readonly isOnce?: boolean } = {}): Promise<void> {
    if (this.#state.is === "ready") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        isOnce,
        resolve: () => (this.#waiters.delete(waiter), resolve()),
        reject: (detail: string) => (this.#waiters.delete(waiter), reject(new Error(detail))),
      };
      this.#waiters.add(waiter);
    });
  }

  /**
   * Asks the process for an operation of the operator's contract; it may take 30 s unless said.
   * @throws what it throws; {NoAnswer}.
   */
  async ask(operation: string, input: unknown, withinMs: number = ASK_MS): Promise<unknown> {
    const id = (this.#asks += 1);
    const answer = Promise.withResolvers<unknown>();
    this.#asked.set(id, answer);
    const late = this.#options.clock.after(withinMs, () => answer.reject(NoAnswer.with({ instance: this.name })));
    try {
      const isReady = this.#state.is === "ready";
      if (!isReady || this.#process?.send({ type: "ask", id, operation, input }) !== true)
        throw NoAnswer.with({ instance: this.name });
      return await answer.promise;
    } finally {
      late.cancel();
      this.#asked.delete(id);
    }
  }

  /** Starts the next process at once instead of waiting longer; forgets the failures so far. */
  retryNow(): void {
    if (this.#state.is !== "waiting") return;
    this.#failures = 0;
    this.#timer?.cancel();
    this.#launch();
  }

  /** Looks whether the process still lives; called now and then. `wasAway`: nobody could listen since the last time. */
  watch(wasAway = false): void {
    if (this.#process === undefined) return;
    if (wasAway) this.#heardMs = this.#nowMs();
    const { startMs, silentMs } = this.#options.limits;
    const quietMs = this.#nowMs() - this.#heardMs;
    if (this.#state.is === "ready" && quietMs >= silentMs)
      this.#kill(`has been silent for ${Math.round(quietMs / 1_000)} s and is killed`);
    if (this.#state.is === "starting" && quietMs >= startMs)
      this.#kill(`was not ready within ${startMs / 1_000} s and is killed`);
  }

  #kill(why: string): void {
    this.#options.say(`${this.name} ${why}`);
    this.#process?.signal("SIGKILL");
  }

  /** Gives the place up: drains, stops, kills what does not listen. Resolves when no process is left. */
  retire(): Promise<void> {
    return (this.#retired ??= this.#retire());
  }

  /** Gives the place up at once. */
  kill(): void {
    this.#retired ??= this.#ended();
    this.#timer?.cancel();
    if (this.#process === undefined) this.#end();
    this.#process?.signal("SIGKILL");
  }

  #launch(): void {
    this.#become({ is: "starting", sinceMs: this.#nowMs() });
    this.#options
      .prepare()
      .then((spec) => {
        if (this.#state.is !== "starting") return this.#end();
        this.#meter = new RateMeter();
        this.#startedMs = this.#nowMs();
        this.#process = startHost(spec, {
          message: (message) => this.#heard(message),
          ended: (how) => this.#processEnded(how),
        });
        this.#heardMs = this.#startedMs;
        this.#options.changed();
      })
      .catch((error: unknown) =>
        this.#processEnded(`could not be started (${error instanceof Error ? error.message : String(error)})`),
      );
  }

  #heard(message: HostMessage): void {
    this.#heardMs = this.#nowMs();
    if (message.type === "stats") this.#meter.take(message satisfies HostStats, this.#heardMs);
    else if (message.type === "drained") this.#drained?.();
    else if (message.type === "answer") this.#answered(message);
    else if (message.type === "question") void this.#tell(message);
    else if (this.#state.is === "starting") {
      this.#timer?.cancel();
      this.#readyAtMs = this.#heardMs;
      const { type: _, ...reached } = message;
      this.#become({ is: "ready", sinceMs: this.#heardMs, ...reached });
      for (const { resolve } of this.#waiters) resolve();
    }
  }

  #answered({ id, output, fault }: HostAnswer): void {
    const asked = this.#asked.get(id);
    if (fault === undefined) asked?.resolve(output);
    else asked?.reject(faultFrom(fault as Parameters<typeof faultFrom>[0]));
  }

  /** The answer to a question goes to who asked it: a process that follows on another never did. */
  async #tell(question: HostQuestion): Promise<void> {
    const asker = this.#process;
    const outcome = await outcomeOf(() => this.#options.question(question));
    asker?.send({ type: "told", id: question.id, ...outcome });
  }

  #processEnded(how: string): void {
    for (const { reject } of this.#asked.values()) reject(NoAnswer.with({ instance: this.name }));
    const { clock, limits, say } = this.#options;
    this.#timer?.cancel();
    this.#process = undefined;
    this.#startedMs = undefined;
    this.#meter = new RateMeter();
    const readyForMs = this.#readyAtMs === undefined ? 0 : this.#nowMs() - this.#readyAtMs;
    this.#readyAtMs = undefined;
    if (this.#retired !== undefined) return this.#end();
    if ([...this.#waiters].some(({ isOnce }) => isOnce)) {
      say(`${this.name} ${how}; it is taken back`);
      for (const { reject } of this.#waiters) reject(how);
      return this.#end();
    }
    const { failures, waitMs, isLoop } = restartAfter(this.#failures, readyForMs, limits.restart);
    this.#failures = failures;
    this.#restarts += 1;
    const next = waitMs === 0 ? "starts again" : `starts again in ${inSeconds(waitMs)}`;
    say(
      `${this.name} ${how}; ${next}${isLoop ? ` (crash loop: ${failures} times in a row; why: isomer logs ${this.name})` : ""}`,
    );
    const sinceMs = this.#nowMs();
    this.#become({ is: "waiting", sinceMs, untilMs: sinceMs + waitMs, isLoop });
    for (const { reject } of this.#waiters) reject(how);
    // Whoever waited may have given the place up by now.
    if (this.#retired === undefined) this.#timer = clock.after(waitMs, () => this.#launch());
  }

  async #retire(): Promise<void> {
    const { limits } = this.#options;
    const ended = this.#ended();
    this.#timer?.cancel();
    const wasReady = this.#state.is === "ready";
    const host = this.#process;
    if (host === undefined) {
      this.#end();
      return ended;
    }
    if (wasReady) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      this.#become({ is: "draining", sinceMs: this.#nowMs() });
      host.send({ type: "drain" });
      await this.#within(limits.drainMs, Promise.race([drained, ended]));
    }
    if (this.#process === undefined) return ended;
    this.#become({ is: "stopping", sinceMs: this.#nowMs() });
    if (!host.send({ type: "stop" })) host.signal("SIGTERM");
    await this.#within(limits.stopMs, ended);
    host.signal("SIGKILL");
    return ended;
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => (this.#over = resolve));
  }

  #end(): void {
    this.#become({ is: "ended", sinceMs: this.#nowMs() });
    for (const { reject } of this.#waiters) reject("was stopped");
    this.#over?.();
  }

  /** Waits for something, but no longer than that. */
  async #within(limitMs: number, done: Promise<void>): Promise<void> {
    const over = new AbortController();
    await Promise.race([done, sleep(this.#options.clock, limitMs, over.signal)]);
    over.abort();
  }

  #become(state: InstanceState): void {
    this.#state = state;
    this.#options.changed();
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

function inSeconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}
