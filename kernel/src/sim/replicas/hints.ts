/** Hints between simulated replicas: over the broker's machine, as real ones are, and lost as easily. */
import type { Hints } from "../../events/mod.ts";
import { BROKER } from "../broker.ts";
import type { Faults } from "../faults.ts";
import type { Network } from "../network.ts";
import type { Client } from "./session.ts";

/** Who wants to hear of what. */
export class HintBoard {
  readonly #network: Network;
  readonly #faults: Faults;
  readonly #listeners = new Map<string, Map<() => void, string>>();

  constructor(network: Network, faults: Faults) {
    this.#network = network;
    this.#faults = faults;
  }

  /** Hints as a process of the fleet tells and hears them. */
  of({ machine, incarnation }: Client): Hints {
    return {
      tell: (topic) => this.#network.tell(machine.name, BROKER, `hint ${topic}`, () => this.#pass(topic, machine.name)),
      onTold: (topic, listener) => {
        const own = (): void => listener();
        const listeners = this.#listeners.get(topic) ?? new Map<() => void, string>();
        this.#listeners.set(topic, listeners.set(own, machine.name));
        const end = (): void => void listeners.delete(own);
        const forget = incarnation.onDeath(end);
        return () => {
          forget();
          end();
        };
      },
    };
  }

  #pass(topic: string, from: string): void {
    for (const [listener, machine] of this.#listeners.get(topic) ?? []) {
      if (machine === from) continue;
      const what = `hint ${topic}`;
      if (this.#faults.strikes("event late", this.#faults.occasion(`${BROKER}>${machine} ${what}`))) continue;
      this.#network.tell(BROKER, machine, what, listener);
    }
  }
}
