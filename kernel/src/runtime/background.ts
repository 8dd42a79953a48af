/**
 * What a service does by itself: it hears events, brings its own to the broker, runs its sagas and its jobs.
 *
 * Where other replicas of the service share its database, only the one that leads does so; what it does not get done
 * the next leader goes on with, as after a crash.
 */
import { type Broker, type EventSource, Relay } from "../events/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import { sleep } from "../std/mod.ts";
import { Hearing, consumerOf, groupSubscriptions } from "./hearing.ts";
import { JobLoop } from "./jobs.ts";
import { Leadership } from "./leadership.ts";
import { type LogReader, pruneJob, pruneLogJob } from "./maintenance.ts";
import { sagaEngineOf } from "./saga-calls.ts";
import type { Job } from "./service.ts";
import type { ServiceRunner } from "./service-runner.ts";

/** How long sagas wait at the start for events, in milliseconds. */
const CATCH_UP_MS = 1_000;

/** What a {@link Background} needs of its host. */
export interface BackgroundOptions {
  readonly source: (service: string) => EventSource;
  readonly broker: Broker | undefined;
  /** Who reads the log of this service in this process. */
  readonly readers: () => readonly LogReader[];
  readonly metrics: Metrics;
  /** Whether jobs run by themselves. */
  readonly jobs: boolean;
  /** The replica's name, where there may be others. */
  readonly replica: string;
  /** How long one that leads may be silent, in milliseconds; see {@link Leadership}. */
  readonly leaseMs: number | undefined;
}

/** The work of one service in one host that nobody calls for. */
export class Background {
  readonly runner: ServiceRunner;
  readonly hearings: readonly Hearing[];
  readonly jobs: ReadonlyMap<string, JobLoop>;
  readonly #relay: Relay | undefined;
  readonly #options: BackgroundOptions;
  readonly #leadership: Leadership | undefined;
  #deaf: (() => void)[] = [];
  /** The end of all engines before this one: their steps under way have answers to come. */
  #ending: Promise<void> = Promise.resolve();

  /** Makes all of it, and starts nothing: a consumer that cannot be made stops the start of the host. */
  constructor(runner: ServiceRunner, options: BackgroundOptions) {
    const { world, source, service } = runner;
    const { clock, random, log } = world;
    this.runner = runner;
    this.#options = options;
    this.hearings = groupSubscriptions(runner).map(
      (group) => new Hearing(runner, consumerOf(runner, group, options.source(group.source), options.metrics)),
    );
    this.jobs = new Map(
      [...ownJobs(runner, options), ...service.jobs].map((job) => [job.name, new JobLoop(runner, job)]),
    );
    this.#relay = options.broker && new Relay({ source, broker: options.broker, clock, random, log });
    this.#measureRelay();
    this.#leadership = runner.database.isShared === true ? this.#election() : undefined;
    if (service.sagas.length > 0) {
      runner.engine = sagaEngineOf(runner, { kind: this.#leadership === undefined ? "alone" : "follows" });
    }
  }

  /** Whether this replica does the work: always, when there can be no other. */
  get leads(): boolean {
    return this.#leadership === undefined || this.#leadership.token !== undefined;
  }

  /** The token by which it leads; undefined where there can be no other, and while another leads. */
  get token(): number | undefined {
    return this.#leadership?.token;
  }

  /** Begins to hear and to tell. With replicas: takes part in the election, and begins everything if it is won. */
  async start(): Promise<void> {
    const { runner } = this;
    if (this.#leadership === undefined) {
      this.#hear();
      return;
    }
    this.#deaf.push(
      runner.onTold("log", () => runner.source.notify()),
      runner.onTold("sagas", () => void runner.engine?.recover()),
    );
    await this.#leadership.start();
  }

  /** Begins the jobs, and goes on with sagas; where there are replicas, the election decides about that. */
  async work(): Promise<void> {
    if (this.#leadership === undefined) await this.#work();
  }

  /** Ends jobs; those under way end. */
  async stopJobs(): Promise<void> {
    await Promise.all([...this.jobs.values()].map((job) => job.stop()));
  }

  /** Ends everything; what is under way ends, or goes on elsewhere. */
  async stop(): Promise<void> {
    for (const end of this.#deaf.splice(0)) end();
    if (this.#leadership !== undefined) await this.#leadership.stop();
    await this.#rest();
    await Promise.all([this.#ending, this.runner.engine?.stop()]);
  }

  #hear(): void {
    for (const hearing of this.hearings) hearing.start();
    this.#relay?.start();
  }

  async #work(): Promise<void> {
    if (this.#options.jobs) for (const job of this.jobs.values()) job.start();
    await this.#catchUp();
    await this.runner.engine?.recover();
  }

  /**
   * Sagas go on after what was told while the host was down is heard: an answer that is here is not late, and a wait that
   * ran out meanwhile must not be given up for want of it. Not for long: others may be down longer.
   */
  async #catchUp(): Promise<void> {
    if (this.runner.engine === undefined || this.hearings.length === 0) return;
    const tooLong = new AbortController();
    const heard = Promise.allSettled(this.hearings.map(({ consumer }) => consumer.idle()));
    await Promise.race([heard, sleep(this.runner.world.clock, CATCH_UP_MS, tooLong.signal)]);
    tooLong.abort();
  }

  async #rest(): Promise<void> {
    await this.stopJobs();
    await Promise.all(this.hearings.map((hearing) => hearing.stop()));
    await this.#relay?.stop();
  }

  #measureRelay(): void {
    const { metrics } = this.#options;
    const relay = this.#relay;
    if (relay === undefined) return;
    metrics
      .gauge("isomer.relay.failing", "For how long events could not be brought to the broker.", ["service"], "s")
      .with({ service: this.runner.name })
      .from(() => (this.leads ? relay.failingMs / 1_000 : Number.NaN));
  }

  #election(): Leadership {
    const { runner } = this;
    const { clock, random, log } = runner.world;
    const { leaseMs } = this.#options;
    return new Leadership({
      service: runner.name,
      database: runner.database,
      replica: this.#options.replica,
      clock,
      random,
      log,
      ...(leaseMs === undefined ? {} : { leaseMs }),
      gained: async (token) => {
        this.#engineBecomes({ kind: "leads", token });
        this.#hear();
        await this.#work();
      },
      lost: async () => {
        this.#engineBecomes({ kind: "follows" });
        await this.#rest();
      },
    });
  }

  /** The old engine ends by itself: what it still writes is refused by the fence. */
  #engineBecomes(role: Parameters<typeof sagaEngineOf>[1]): void {
    const { runner } = this;
    if (runner.engine === undefined) return;
    this.#ending = Promise.all([this.#ending, runner.engine.stop()]).then(() => {});
    runner.engine = sagaEngineOf(runner, role);
  }
}

/** The kernel's jobs in a service. */
function ownJobs(runner: ServiceRunner, options: BackgroundOptions): readonly Job[] {
  return [pruneJob(runner, options.metrics), pruneLogJob(runner, options)].filter(
    (job) => job !== undefined,
  ) as unknown as readonly Job[];
}
