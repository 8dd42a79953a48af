/** Channels over the wire, as the transport of a fleet wants them: one to each instance, for each workload that calls. */
import type { WorkloadIdentity } from "../../security/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";
import {
  type Channel,
  type ChannelFactory,
  type ChannelState,
  type Envelope,
  type Instance,
  type Reply,
} from "../../transport/mod.ts";
import { WireChannel } from "./channel.ts";

/** What channels are made with. */
export interface WireChannelsOptions {
  /** Whose credentials are shown: `service/checkout`, `gateway`. */
  readonly own: string;
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How often it is looked whether calls of a draining channel are over, in milliseconds. */
const LOOK_MS = 20;

/** Makes channels to instances as one workload. */
export function wireChannels(options: WireChannelsOptions): ChannelFactory {
  return { connect: (instance) => new InstanceChannel(options, instance) };
}

class InstanceChannel implements Channel {
  readonly #options: WireChannelsOptions;
  readonly #wire: WireChannel;
  #state: ChannelState = "connecting";
  #listener: ((state: ChannelState) => void) | undefined;

  constructor(options: WireChannelsOptions, { service, address }: Instance) {
    this.#options = options;
    this.#wire = new WireChannel({
      ...options,
      ...{ host: address.host, port: address.port, peer: `service/${service}` },
      onDrain: () => this.#becomes("draining"),
      onConnected: () => this.#becomes("ready"),
      onLost: () => {
        this.#wire.destroy();
        this.#becomes("broken");
      },
    });
    // Not before whoever made it listens.
    options.clock.soon(() => {
      if (this.#state === "connecting") this.#wire.connect();
    });
  }

  get state(): ChannelState {
    return this.#state;
  }

  send(envelope: Envelope, userToken: string | undefined): Promise<Reply> {
    return this.#wire.send(envelope, userToken);
  }

  onState(listener: (state: ChannelState) => void): void {
    this.#listener = listener;
  }

  async drain(): Promise<void> {
    this.#becomes("draining");
    this.#wire.close();
    const { clock } = this.#options;
    while (this.#wire.activeCalls > 0) await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    this.#becomes("broken");
  }

  close(): Promise<void> {
    this.#wire.destroy();
    this.#becomes("broken");
    return Promise.resolve();
  }

  #becomes(state: ChannelState): void {
    if (this.#state === state || this.#state === "broken" || (this.#state === "draining" && state === "ready")) return;
    this.#state = state;
    this.#listener?.(state);
  }
}
