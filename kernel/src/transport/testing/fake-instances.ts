/** Instances that are made up for tests of balancing: each answers as a test says, over channels that tests break. */
import { DeadlineExceeded } from "../../guard/mod.ts";
import { type Clock, sleep } from "../../std/mod.ts";
import {
  type Channel,
  type ChannelFactory,
  type ChannelState,
  type Envelope,
  type Instance,
  type Reply,
  Unreachable,
  notStarted,
} from "../mod.ts";

/** One made up instance. */
export interface FakeInstance {
  readonly instance: Instance;
  /** Whether it can be connected to. */
  isUp: boolean;
  /** How calls are answered. */
  answer: (envelope: Envelope) => Promise<unknown>;
  /** The calls that arrived. */
  calls: number;
  running: number;
  runningMax: number;
  /** How often it was connected to. */
  connects: number;
  /** The channels to it that are open. */
  readonly channels: Set<FakeChannel>;
}

class FakeChannel implements Channel {
  state: ChannelState = "connecting";
  readonly #fake: FakeInstance | undefined;
  readonly #clock: Clock;
  #listener: (state: ChannelState) => void = () => {};
  #broken: ((error: Error) => void)[] = [];
  #quiet: (() => void)[] = [];
  #running = 0;

  constructor(fake: FakeInstance | undefined, clock: Clock) {
    this.#fake = fake;
    this.#clock = clock;
    clock.after(1, () => this.become(fake?.isUp === true ? "ready" : "broken"));
  }

  onState(listener: (state: ChannelState) => void): void {
    this.#listener = listener;
  }

  become(state: ChannelState): void {
    if (this.state === "broken" || this.state === state) return;
    this.state = state;
    if (state === "ready") this.#fake?.channels.add(this);
    if (state === "broken") {
      this.#fake?.channels.delete(this);
      for (const reject of this.#broken.splice(0)) reject(Unreachable.with({ service: "fake", reason: "it broke" }));
    }
    this.#listener(state);
  }

  async send(envelope: Envelope): Promise<Reply> {
    const fake = this.#fake;
    if (this.state === "connecting") await sleep(this.#clock, 1.001);
    if (fake === undefined || this.state !== "ready") {
      throw notStarted({ service: envelope.service, reason: `the channel is ${this.state}` });
    }
    fake.calls += 1;
    fake.running += 1;
    fake.runningMax = Math.max(fake.runningMax, fake.running);
    this.#running += 1;
    const over = new AbortController();
    const late = sleep(this.#clock, envelope.deadlineAt - this.#clock.monotonicMs(), over.signal).then(() => {
      throw DeadlineExceeded.with({ label: envelope.operation });
    });
    const broken = new Promise<never>((_, reject) => this.#broken.push(reject));
    late.catch(() => undefined);
    broken.catch(() => undefined);
    try {
      const output = await Promise.race([fake.answer(envelope), late, broken]);
      return { output, replayed: false };
    } finally {
      over.abort();
      fake.running -= 1;
      this.#running -= 1;
      if (this.#running === 0) for (const done of this.#quiet.splice(0)) done();
    }
  }

  async drain(): Promise<void> {
    this.become("draining");
    if (this.#running > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
    this.become("broken");
  }

  close(): Promise<void> {
    this.become("broken");
    return Promise.resolve();
  }
}

export type { FakeChannel };

/** Instances in one program, and the channels to them. */
export class FakeInstances implements ChannelFactory {
  readonly #clock: Clock;
  readonly #byId = new Map<string, FakeInstance>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get all(): readonly FakeInstance[] {
    return [...this.#byId.values()];
  }

  /** Adds an instance of the service `shop` that answers after `tookMs`. */
  add(n: number, tookMs = 5, more: Partial<Instance> = {}): FakeInstance {
    const id = `shop-${n}`;
    const fake: FakeInstance = {
      instance: {
        id,
        service: "shop",
        address: { host: "fake", port: n },
        startedAt: 1_000,
        health: "ready",
        ...more,
      },
      isUp: true,
      answer: async () => {
        await sleep(this.#clock, tookMs);
        return id;
      },
      calls: 0,
      running: 0,
      runningMax: 0,
      connects: 0,
      channels: new Set(),
    };
    this.#byId.set(id, fake);
    return fake;
  }

  /** The process ends: channels break, and none can be made. */
  kill(fake: FakeInstance): void {
    fake.isUp = false;
    for (const channel of fake.channels) channel.become("broken");
  }

  connect({ id }: Instance): Channel {
    const fake = this.#byId.get(id);
    if (fake !== undefined) fake.connects += 1;
    return new FakeChannel(fake, this.#clock);
  }
}
