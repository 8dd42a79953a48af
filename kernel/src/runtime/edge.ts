/** Calls from the edge to services that are placed elsewhere: what a gateway does that has no services of its own. */
import type { Operation } from "../contract/mod.ts";
import { Outbound, type OutboundTarget, Overloaded, Throttle, overloaded } from "../guard/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import type { Reply, Transport } from "../transport/mod.ts";
import { UnknownOperation } from "./faults.ts";
import type { Invocation } from "./host.ts";
import { DEADLINE_MS } from "./outbound.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

/** What an edge is made of. */
export interface EdgeOptions {
  readonly system: System;
  readonly world: World;
  readonly metrics: Metrics;
  readonly transport: Transport;
}

interface Known {
  readonly definition: Operation;
  readonly target: OutboundTarget;
  readonly throttle: Throttle;
}

/** Sends calls of clients into the fleet, guarded as calls between services are. */
export class Edge {
  readonly #options: EdgeOptions;
  readonly #outbound: Outbound;
  readonly #known = new Map<string, Known>();

  constructor(options: EdgeOptions) {
    this.#options = options;
    const { clock, random } = options.world;
    this.#outbound = new Outbound({ clock, random, metrics: options.metrics });
  }

  /** Makes a call. It may be repeated: a command always has a key. @throws faults only. */
  async invoke(call: Invocation): Promise<Reply> {
    const { clock, ids, random } = this.#options.world;
    const { definition, target, throttle } = this.#find(call);
    const limitMs = definition.deadlineMs ?? DEADLINE_MS;
    const deadlineAt = clock.monotonicMs() + Math.min(call.deadlineMs ?? limitMs, limitMs);
    const key = definition.kind === "command" ? (call.key ?? ids.next()) : undefined;
    const { service, operation, input, identity, trace, signal } = call;
    const criticality = call.criticality ?? definition.criticality ?? "normal";
    // What is critical is refused by the callee itself, or not at all.
    if (criticality !== "critical" && throttle.refuses(clock.monotonicMs(), random)) throw overloaded(random);
    try {
      const reply = await target.run(deadlineAt, signal, (attempt) =>
        this.#options.transport.send({
          ...{ service, operation, input, key, attempt, deadlineAt, identity, trace, criticality, signal },
          clientKey: call.key !== undefined,
          mayBeStale: definition.kind === "query",
          caller: undefined,
        }),
      );
      throttle.taken(clock.monotonicMs());
      return reply;
    } catch (error) {
      if (Overloaded.is(error)) throttle.refused(clock.monotonicMs());
      else throttle.taken(clock.monotonicMs());
      throw error;
    }
  }

  #find({ service, operation }: Invocation): Known {
    const name = `${service}.${operation}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const contract = this.#options.system.contracts.find((one) => one.name === service);
    const definition = contract?.commands[operation] ?? contract?.queries[operation];
    if (definition === undefined) throw UnknownOperation.with({ operation: name });
    const { criticality = "normal" } = definition;
    const target = this.#outbound.target({ service, operation, retry: true, criticality });
    const made = { definition, target, throttle: new Throttle() };
    this.#known.set(name, made);
    return made;
  }
}
