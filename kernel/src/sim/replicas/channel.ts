/**
 * Channels between simulated hosts: connections to one life of a process. A message that is lost breaks the connection,
 * and with it all calls on it. Both sides hear of an end only when word of it gets through; of a machine that lost its
 * power, or of a connection that a box in between forgot, nobody does, until something is sent and not answered.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import type { Clock } from "../../std/mod.ts";
import {
  type Channel,
  type ChannelFactory,
  type ChannelState,
  type Envelope,
  type Instance,
  type Reply,
  Unreachable,
  notStarted,
} from "../../transport/mod.ts";
import { answerIn, askFor, notStartedText } from "../calls.ts";
import type { Faults } from "../faults.ts";
import type { Incarnation, Listener, Machine } from "../machine.ts";
import { type Network, askerOf } from "../network.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Client } from "./session.ts";

/** What channels of a process are made with. */
export interface ChannelParts extends Client {
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly clock: Clock;
  /** Where calls are taken on a machine, if a process there takes any. */
  readonly portOf: (machine: string) => CallPort | undefined;
  readonly machineOf: (name: string) => Machine | undefined;
  /** Hears of each call before it is sent. */
  readonly onSend: (envelope: Envelope, to: string) => void;
}

/** One way of a connection's own messages, in milliseconds. */
const HOP_MS = 0.8;
/** After how long a connection that does not come about is given up, in milliseconds. */
const CONNECT_MS = 1_000;
/** After how long it shows that nobody is at the other end: at least, and what is added at most. */
const SILENCE_MS = 400;
const SILENCE_JITTER_MS = 2_000;

/** Where a process takes calls: what it knows of who is connected to it. */
export class CallPort {
  readonly life: Incarnation;
  readonly #connected = new Set<() => void>();
  #isDraining = false;
  #active = 0;
  #quiet: (() => void) | undefined;

  constructor(life: Incarnation) {
    this.life = life;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes calls until it drains; those that come after that are refused as not begun. */
  listener(inner: Listener): Listener {
    return async (body, signal) => {
      if (this.#isDraining) return notStartedText("the host is about to end");
      this.#active += 1;
      try {
        return await inner(body, signal);
      } finally {
        this.#active -= 1;
        if (this.#active === 0) this.#quiet?.();
      }
    };
  }

  /** Somebody is connected, and is to be told when it drains. Returns what ends that. */
  connected(tellDrain: () => void): () => void {
    this.#connected.add(tellDrain);
    return () => this.#connected.delete(tellDrain);
  }

  /** Tells who is connected that it takes no further calls. Resolves when those under way are over. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const tellDrain of this.#connected) tellDrain();
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#quiet = resolve));
  }
}

/** Makes channels as one process. */
export function simulatedChannels(parts: ChannelParts): ChannelFactory {
  return { connect: (instance) => new SimChannel(parts, instance) };
}

class SimChannel implements Channel {
  readonly #parts: ChannelParts;
  readonly #host: string;
  readonly #service: string;
  #state: ChannelState = "connecting";
  #listener: (state: ChannelState) => void = () => {};
  /** The life that it is connected to. */
  #life: Incarnation | undefined;
  #isDeaf = false;
  /** Told once, when it is ready or will not be. */
  readonly #onceKnown = new Set<() => void>();
  readonly #underWay = new Set<() => void>();
  readonly #ends: (() => void)[] = [];
  #quiet: (() => void) | undefined;

  constructor(parts: ChannelParts, { address, service }: Instance) {
    this.#parts = parts;
    this.#host = address.host;
    this.#service = service;
    // Not before whoever made it listens.
    parts.clock.soon(() => {
      if (this.#state === "connecting") this.#connect();
    });
  }

  get state(): ChannelState {
    return this.#state;
  }

  onState(listener: (state: ChannelState) => void): void {
    this.#listener = listener;
  }

  async send(envelope: Envelope, _userToken: string | undefined): Promise<Reply> {
    if (this.#state === "connecting") await this.#known(envelope);
    if (this.#state !== "ready") throw notStarted({ service: this.#service, reason: `the channel is ${this.#state}` });
    this.#parts.onSend(envelope, this.#host);
    let breaks: () => void = () => {};
    const broken = new Promise<never>((_, reject) => {
      breaks = () => reject(Unreachable.with({ service: this.#service, reason: "the connection was lost" }));
    });
    // It may break when nobody waits any more.
    broken.catch(() => {});
    this.#underWay.add(breaks);
    try {
      return await Promise.race([this.#exchange(envelope), broken]);
    } finally {
      this.#underWay.delete(breaks);
      if (this.#underWay.size === 0) this.#quiet?.();
    }
  }

  async drain(): Promise<void> {
    this.#becomes("draining");
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => (this.#quiet = resolve));
    this.#becomes("broken");
  }

  close(): Promise<void> {
    this.#becomes("broken");
    return Promise.resolve();
  }

  #connect(): void {
    const { network, clock, machine, portOf, machineOf } = this.#parts;
    const there = { from: machine.name, to: this.#host, takesMs: HOP_MS };
    clock.after(CONNECT_MS, () => {
      if (this.#state === "connecting") this.#becomes("broken");
    });
    network.carry(there, () => {
      const [port, callee] = [portOf(this.#host), machineOf(this.#host)];
      if (port === undefined || callee === undefined) return this.#fromThere(() => this.#becomes("broken"));
      callee.enter(port.life, () => {
        if (port.isDraining) return this.#fromThere(() => this.#becomes("broken"));
        this.#isTaken(port);
      });
    });
  }

  /** At the callee: a connection begins. */
  #isTaken(port: CallPort): void {
    const { life } = port;
    this.#ends.push(
      port.connected(() => this.#fromThere(() => this.#becomes("draining"))),
      life.onDeath(() => {
        if (!life.isSilent) this.#fromThere(() => this.#becomes("broken"));
      }),
      // A caller that died needs not be told.
      this.#parts.incarnation.onDeath(() => this.#end()),
    );
    this.#fromThere(() => {
      this.#life = life;
      if (this.#state === "connecting") this.#becomes("ready");
    });
  }

  #fromThere(action: () => void): void {
    const { network, machine, incarnation } = this.#parts;
    const back = { from: this.#host, to: machine.name, takesMs: HOP_MS };
    network.carry(back, () => machine.enter(incarnation, action));
  }

  async #exchange(envelope: Envelope): Promise<Reply> {
    const { faults, network, clock, machine, incarnation } = this.#parts;
    const { service, operation, key = "", signal } = envelope;
    const occasion = faults.occasion(`${machine.name}>${this.#host} ${service}.${operation} ${key} (connection)`);
    if (faults.strikes("half-open connection", occasion)) this.#isDeaf = true;
    if (this.#isDeaf) return this.#intoTheVoid(envelope, occasion);
    const asker = askerOf(machine, incarnation);
    const asking = askFor({ network, asker, clock }, envelope, { to: this.#host, life: this.#life });
    const text = await asking.catch((error: unknown) => {
      // One message that is lost is all that come after it, too.
      if (!DeadlineExceeded.is(error) && signal?.aborted !== true) this.#becomes("broken");
      throw error;
    });
    return answerIn(text, this.#service);
  }

  /** Nobody hears it; the caller finds that out by its deadline, or when the connection shows that it is none. */
  async #intoTheVoid({ deadlineAt, service, operation }: Envelope, occasion: string): Promise<never> {
    const { clock, faults } = this.#parts;
    const silenceMs = SILENCE_MS + SILENCE_JITTER_MS * faults.amount("silence", occasion);
    clock.after(silenceMs, () => this.#becomes("broken"));
    await new Promise<void>((resolve) => void clock.after(deadlineAt - clock.monotonicMs(), resolve));
    throw DeadlineExceeded.with({ label: `${service}.${operation}` });
  }

  /** Resolves when the channel is ready or will not be. @throws {DeadlineExceeded} */
  async #known({ deadlineAt, service, operation, signal }: Envelope): Promise<void> {
    const { clock } = this.#parts;
    await new Promise<void>((resolve) => {
      const timer = clock.after(deadlineAt - clock.monotonicMs(), () => resolve());
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      this.#onceKnown.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
    if (clock.monotonicMs() >= deadlineAt || signal?.aborted === true)
      throw DeadlineExceeded.with({ label: `${service}.${operation}` });
  }

  #becomes(state: ChannelState): void {
    if (this.#state === state || this.#state === "broken" || (this.#state === "draining" && state === "ready")) return;
    this.#state = state;
    for (const known of this.#onceKnown) known();
    this.#onceKnown.clear();
    if (state === "broken") {
      this.#end();
      for (const breaks of this.#underWay) breaks();
    }
    this.#listener(state);
  }

  #end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
