/**
 * Jobs: work that a service does by itself. Each runs alone, again after a pause, and again at once while it says
 * that there is more, with a short pause now and then. A crash in a run leaves what its transactions committed; the next
 * run goes on from there.
 */
import { type Timer, toFault } from "../std/mod.ts";
import { CallContext } from "./call-context.ts";
import type { Job } from "./service.ts";
import type { ServiceRunner } from "./service-runner.ts";

const DEADLINE_MS = 30_000;
/** How many runs follow one another at once before the job pauses all the same, so that it cannot hog the host. */
const RUNS_MAX = 100;
/** How long it pauses then, in milliseconds: what comes in faster than its usual pauses allow must not pile up. */
const BREATH_MS = 1_000;

/** Runs one job of a service. */
export class JobLoop {
  readonly #runner: ServiceRunner;
  readonly #job: Job;
  #timer: Timer | undefined;
  /** The last run that was asked for: the next one waits for it. */
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Whether the last runs ended although there was more. */
  #hasMore = false;

  constructor(runner: ServiceRunner, job: Job) {
    this.#runner = runner;
    this.#job = job;
  }

  /** Sets the first run. Pauses are spread by a fifth, so that hosts that start together do not beat together. */
  start(): void {
    this.#stopped = false;
    this.#schedule();
  }

  #schedule(): void {
    const { clock, random } = this.#runner.world;
    if (this.#stopped) return;
    const { everyMs } = this.#job;
    const pauseMs = this.#hasMore ? Math.min(BREATH_MS, everyMs) : everyMs;
    this.#timer = clock.after(pauseMs * (0.9 + random.next() * 0.2), () => {
      void this.runNow().then(() => this.#schedule());
    });
  }

  /**
   * Runs the job until it says that there is no more, after a run that is under way. Never rejects: what fails is logged,
   * and tried next time.
   */
  runNow(): Promise<void> {
    this.#running = this.#running.then(() => this.#runs());
    return this.#running;
  }

  async #runs(): Promise<void> {
    for (let runs = 0; runs < RUNS_MAX && !this.#stopped; runs += 1) {
      this.#hasMore = await this.#once();
      if (!this.#hasMore) return;
    }
  }

  /** Begins no further run, and waits for the one under way. It may be started again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #once(): Promise<boolean> {
    const { world, tracer, name } = this.#runner;
    const label = `${name}.${this.#job.name}`;
    const span = tracer.start(label, "internal", undefined);
    const ctx = new CallContext(this.#runner, label, "job", {
      caller: undefined,
      identity: undefined,
      trace: span.context,
      criticality: "normal",
      deadlineAt: world.clock.monotonicMs() + (this.#job.deadlineMs ?? DEADLINE_MS),
      signal: undefined,
      key: world.ids.next(),
      attempt: 1,
    });
    this.#runner.wheel.add(ctx);
    try {
      return await this.#job.run(ctx as never);
    } catch (error) {
      const fault = toFault(error);
      span.fail(fault);
      world.log.warn("a job failed and will run again", { job: label, code: fault.code, error });
      return false;
    } finally {
      this.#runner.wheel.remove(ctx);
      span.end();
    }
  }
}
