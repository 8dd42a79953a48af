/**
 * The instances of one service as a watcher knows them.
 *
 * Nobody is forgotten because NATS does not answer. Who was not heard of for a lease is only taken out when the server
 * was asked just then, and has no entry either; until it answers the list stays as it was, and says that it may be old.
 */
import type { Clock, Random, Timer } from "../../std/mod.ts";
import type { Instance, Snapshot } from "../../transport/mod.ts";
import { type Entry, OPERATION_HEADER, REGISTRY_STREAM, entryFrom, instancesOf, keysOf } from "./bucket.ts";
import type { Heard, NatsLink } from "./link.ts";

/** What {@link Instances} need. */
export interface InstancesOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly service: string;
  readonly leaseMs: number;
}

interface Known {
  readonly entry: Entry;
  /** When it was heard of last, by the monotonic clock. */
  heardMs: number;
}

/** How many instances a service may have; more are not seen. */
const INSTANCES_MAX = 1_000;
/** How often it is looked whether somebody is missing, while a lease lasts. */
const PARTS = 3;

/** Follows the instances of a service. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  readonly #known = new Map<string, Known>();
  readonly #ends: (() => void)[] = [];
  #isCurrent = false;
  /** What was told last; undefined before anything is known. */
  #told: string | undefined;
  #snapshot: Snapshot | undefined;
  #loading: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: InstancesOptions) {
    this.#options = options;
    const { link, service } = options;
    this.#ends.push(
      link.subscribe(instancesOf(service), (message) => this.#hear(message)),
      link.onUp(() => void this.#load()),
      link.onDown(() => this.#lose()),
    );
    void this.#load();
  }

  /** Tells the listener of what is known, and of each change. Returns what ends it. */
  listen(listener: (snapshot: Snapshot) => void): () => void {
    const own = (snapshot: Snapshot): void => listener(snapshot);
    this.#listeners.add(own);
    const { clock } = this.#options;
    clock.soon(() => {
      if (this.#snapshot !== undefined && this.#listeners.has(own)) own(this.#snapshot);
    });
    return () => this.#listeners.delete(own);
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  close(): void {
    this.#isOver = true;
    this.#listeners.clear();
    this.#timer?.cancel();
    for (const end of this.#ends) end();
  }

  #hear({ subject, data, headers }: Heard): void {
    this.#take(subject, data, headers?.get(OPERATION_HEADER) ?? "");
    if (this.#isCurrent) this.#tell();
  }

  #take(subject: string, data: Uint8Array, operation: string): void {
    const { service, clock } = this.#options;
    const token = subject.split(".").at(-1) ?? "";
    if (operation !== "") {
      this.#known.delete(token);
      return;
    }
    const entry = entryFrom(data, token, service);
    if (entry === undefined || (this.#known.size >= INSTANCES_MAX && !this.#known.has(token))) return;
    this.#known.set(token, { entry, heardMs: clock.monotonicMs() });
  }

  #lose(): void {
    this.#isCurrent = false;
    this.#tell();
  }

  /** Asks the server for all entries. */
  #load(): Promise<void> {
    this.#loading ??= this.#list()
      .then(
        () => this.#loaded(),
        () => this.#lose(),
      )
      .finally(() => {
        this.#loading = undefined;
        this.#lookLater();
      });
    return this.#loading;
  }

  #loaded(): void {
    const { clock, leaseMs, link } = this.#options;
    const before = clock.monotonicMs() - leaseMs;
    for (const [token, { heardMs }] of this.#known) {
      // After an outage everybody has the time of a lease to enter again.
      if (heardMs >= before) continue;
      if (this.#isCurrent) this.#known.delete(token);
    }
    if (!this.#isCurrent) for (const known of this.#known.values()) known.heardMs = clock.monotonicMs();
    this.#isCurrent = link.isUp;
    this.#tell();
  }

  async #list(): Promise<void> {
    const { link, service } = this.#options;
    await link.jetStream("listing instances", async ({ manager }) => {
      for (let [seq, count] = [1, 0]; count < INSTANCES_MAX; count += 1) {
        const next = { seq, next_by_subj: keysOf(service) };
        const message = await manager.streams.getMessage(REGISTRY_STREAM, next);
        if (message === null) return;
        this.#take(message.subject, message.data, message.header.get(OPERATION_HEADER));
        seq = message.seq + 1;
      }
    });
  }

  #lookLater(): void {
    if (this.#isOver) return;
    const { clock, random, leaseMs } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after((leaseMs / PARTS) * (0.75 + random.next() / 2), () => this.#look());
  }

  #look(): void {
    const { clock, leaseMs } = this.#options;
    const before = clock.monotonicMs() - leaseMs;
    const isMissed = [...this.#known.values()].some(({ heardMs }) => heardMs < before);
    if (isMissed || !this.#isCurrent) void this.#load();
    else this.#lookLater();
  }

  #tell(): void {
    const { service } = this.#options;
    if (this.#isOver || (this.#told === undefined && !this.#isCurrent)) return;
    const instances: Instance[] = [...this.#known.values()]
      .map(({ entry }) => entry.instance)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const snapshot = { service, instances, isCurrent: this.#isCurrent };
    const text = JSON.stringify(snapshot);
    if (text === this.#told) return;
    this.#told = text;
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener(snapshot);
  }
}
