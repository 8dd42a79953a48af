/** What a host needs to know of services that are placed elsewhere: how calls get there, and events from there. */
import type { Broker, Hints } from "../events/mod.ts";
import type { Transport } from "../transport/mod.ts";

/** A question of the operator's contract for the host that can answer it: all that know something, or those of a service. */
export interface OperatorQuestion {
  readonly operation: string;
  readonly service?: string;
  readonly input: unknown;
}

/** Has the hosts of a fleet carry out an operation of the operator's contract; resolves to its output, put together. */
export type AskFleet = (question: OperatorQuestion) => Promise<unknown>;

/** The rest of the fleet, as one host sees it. */
export interface Elsewhere {
  /** Carries calls to services in other hosts. */
  readonly transport: Transport;
  /** Keeps the events of all services for hosts that do not have the log at hand. */
  readonly broker: Broker;
  /** Wakes other replicas of the services here; without it they look by themselves, a second later. */
  readonly hints?: Hints;
  /** How the operator's service sees the whole fleet; without it, it says of which services it knows nothing. */
  readonly askFleet?: AskFleet;
}
