/**
 * An instance's entry in the bucket, written again before it ends.
 *
 * Each write follows the last one of the same life (expected sequence of its key): whoever was replaced is refused, and
 * stops. An entry that the server lost is entered again.
 */
import { headers } from "@nats-io/transport-node";
import { type Clock, type Random, type Timer, isFault, sleep } from "../../std/mod.ts";
import type { Instance, InstanceHealth, Lease } from "../../transport/mod.ts";
import { type Entry, OPERATION_HEADER, REGISTRY_STREAM, entryFrom, keyOf, textOf } from "./bucket.ts";
import { isFenced } from "./fence.ts";
import type { NatsLink } from "./link.ts";

/** What a {@link NatsLease} needs. */
export interface NatsLeaseOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
}

/** How often an entry is written while it lasts. */
const PARTS = 3;
/** The mean pause after a write that failed, in milliseconds. */
const RETRY_MS = 300;

/** Keeps an instance in the bucket until it is released. */
export class NatsLease implements Lease {
  readonly #options: NatsLeaseOptions;
  readonly #life: string;
  readonly #ended = new AbortController();
  #instance: Instance;
  /** The sequence of the last write; undefined before the first: it replaces whatever is there. */
  #sequence: number | undefined;
  #timer: Timer | undefined;
  /** One write after another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: NatsLeaseOptions, instance: Instance) {
    this.#options = options;
    this.#instance = instance;
    this.#life = Buffer.from(options.random.bytes(12)).toString("hex");
  }

  /** Enters the instance. Resolves when the registry has it, or did not take it: then it is tried again. */
  async begin(): Promise<void> {
    await this.#write().catch(() => {});
    this.#writeLater();
  }

  async update(health: InstanceHealth): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#ended;
    this.#instance = { ...this.#instance, health };
    while (!signal.aborted) {
      try {
        await this.#write();
        return;
      } catch (error) {
        if (!isFault(error)) throw error;
        await sleep(clock, RETRY_MS * (0.5 + random.next()), signal);
      }
    }
  }

  async release(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#end();
    const { link } = this.#options;
    await this.#turn;
    const { reason } = this.#ended.signal;
    if (this.#sequence === undefined || reason === REPLACED || !link.isUp) return;
    // Without an answer the lease runs out by itself.
    await this.#publish("", this.#sequence, "DEL").catch(() => {});
  }

  #end(reason: unknown = "released"): void {
    this.#ended.abort(reason);
    this.#timer?.cancel();
  }

  #write(): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#ended.signal.aborted) return;
      const text = textOf({ instance: this.#instance, life: this.#life });
      this.#sequence = await this.#publish(text, this.#sequence).catch(async (error: unknown) => {
        if (!isFenced(error) && !isFenced((error as Error).cause)) throw error;
        return await this.#afterRefusal(text);
      });
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Another write came before: of this life (its answer was lost), of another, or the entry is gone. */
  async #afterRefusal(text: string): Promise<number | undefined> {
    const { link } = this.#options;
    const stored = await link.jetStream("reading an instance", ({ manager }) =>
      manager.streams.getMessage(REGISTRY_STREAM, { last_by_subj: keyOf(this.#instance) }),
    );
    const entry = stored === null ? undefined : this.#entryIn(stored.data);
    if (entry !== undefined && entry.life !== this.#life) {
      this.#end(REPLACED);
      return undefined;
    }
    return await this.#publish(text, stored?.seq ?? 0);
  }

  #entryIn(data: Uint8Array): Entry | undefined {
    const { service } = this.#instance;
    return entryFrom(data, keyOf(this.#instance).split(".").at(-1) ?? "", service);
  }

  #publish(text: string, sequence: number | undefined, operation?: string): Promise<number> {
    return this.#options.link.jetStream("entering an instance", async ({ client }) => {
      const about = headers();
      if (operation !== undefined) about.set(OPERATION_HEADER, operation);
      const expect = sequence === undefined ? {} : { expect: { lastSubjectSequence: sequence } };
      const { seq } = await client.publish(keyOf(this.#instance), text, { headers: about, ...expect });
      return seq;
    });
  }

  #writeLater(): void {
    const { clock, leaseMs, random } = this.#options;
    if (this.#ended.signal.aborted) return;
    const everyMs = this.#sequence === undefined ? RETRY_MS : leaseMs / PARTS;
    this.#timer = clock.after(everyMs * (0.75 + random.next() / 4), () => {
      const written = this.#write().catch(() => {});
      void written.then(() => this.#writeLater());
    });
  }
}

const REPLACED = "replaced";
