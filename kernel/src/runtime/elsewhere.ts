/** What a host needs to know of services that are placed elsewhere: how calls get there, and events from there. */
import type { Broker, Hints } from "../events/mod.ts";
import type { Transport } from "../transport/mod.ts";

/** The rest of the fleet, as one host sees it. */
export interface Elsewhere {
  /** Carries calls to services in other hosts. */
  readonly transport: Transport;
  /** Keeps the events of all services for hosts that do not have the log at hand. */
  readonly broker: Broker;
  /** Wakes other replicas of the services here; without it they look by themselves, a second later. */
  readonly hints?: Hints;
}
