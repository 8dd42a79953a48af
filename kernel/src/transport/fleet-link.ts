/**
 * The link to one instance: a channel, made again when it breaks.
 *
 * Across a crash nothing is kept: channels are made again from what the registry says.
 */
import { backoffMs } from "../guard/mod.ts";
import type { Clock, Random, Timer } from "../std/mod.ts";
import type { Channel, ChannelFactory, ChannelState } from "./channel.ts";
import type { Instance } from "./registry.ts";

/** What a link is made of. */
export interface LinkParts {
  readonly channels: ChannelFactory;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when the state of the channel in use changed. */
  readonly onState: (link: Link) => void;
}

/** How soon a channel that broke is made again, in milliseconds: soon, for a process restarts within a second. */
const BACKOFF = { baseMs: 50, capMs: 2_000 };
/** A channel that was ready for so long was well, in milliseconds. */
const WELL_MS = 5_000;

/** Holds the channel to one instance. */
export class Link {
  readonly #parts: LinkParts;
  #instance: Instance;
  #channel: Channel;
  /** A channel that drains while its successor works. */
  #previous: Channel | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #readyAtMs: number | undefined;
  /** Whether the channel is made again when it breaks. */
  #isWanted = true;

  constructor(instance: Instance, parts: LinkParts) {
    this.#instance = instance;
    this.#parts = parts;
    this.#channel = this.#connect();
  }

  /** What the registry says about the instance. */
  get instance(): Instance {
    return this.#instance;
  }

  get channel(): Channel {
    return this.#channel;
  }

  get state(): ChannelState {
    return this.#channel.state;
  }

  /** Takes in what the registry says now. A new life of the instance, or another address, gets a new channel. */
  update(instance: Instance): void {
    const before = this.#instance;
    this.#instance = instance;
    this.#isWanted = instance.health === "ready";
    const { host, port } = before.address;
    const isSame =
      host === instance.address.host && port === instance.address.port && before.startedAt === instance.startedAt;
    if (!isSame) this.#renew(0);
    else if (this.#isWanted && this.#channel.state === "broken") this.#later();
  }

  /** Leaves the channel as it is, and does not make it again: the registry does not name the instance any more. */
  abandon(): void {
    this.#isWanted = false;
  }

  /** Ends the link when the calls under way are over. */
  async drain(): Promise<void> {
    this.#stop();
    await Promise.all([this.#channel.drain(), this.#previous?.drain()]);
  }

  /** Ends the link at once. */
  async close(): Promise<void> {
    this.#stop();
    await Promise.all([this.#channel.close(), this.#previous?.close()]);
  }

  #stop(): void {
    this.#isWanted = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #connect(): Channel {
    const channel = this.#parts.channels.connect(this.#instance);
    channel.onState((state) => {
      if (channel === this.#channel) this.#heard(state);
    });
    return channel;
  }

  #heard(state: ChannelState): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (state === "ready") this.#readyAtMs = nowMs;
    if (state === "broken" || state === "draining") {
      if (this.#readyAtMs !== undefined && nowMs - this.#readyAtMs >= WELL_MS) this.#failures = 0;
      this.#readyAtMs = undefined;
      if (this.#isWanted) this.#later();
    }
    this.#parts.onState(this);
  }

  #later(): void {
    if (this.#timer !== undefined) return;
    this.#failures += 1;
    // One that drains may be renewed by its peer only to get younger: the new one is made before the old one ends.
    const delayMs = backoffMs(this.#failures, this.#parts.random, BACKOFF);
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined;
      if (this.#isWanted) this.#renew(this.#failures);
    });
  }

  #renew(failures: number): void {
    const old = this.#channel;
    this.#failures = failures;
    this.#channel = this.#connect();
    if (old.state !== "broken") {
      // At most one drains; one that still does after another life began is given up.
      void this.#previous?.close();
      this.#previous = old;
      void old.drain().then(() => {
        if (this.#previous === old) this.#previous = undefined;
      });
    }
    this.#parts.onState(this);
  }
}
