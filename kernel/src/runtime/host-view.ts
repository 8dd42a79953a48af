/** What a service that looks after its host may see of it. */
import type { Consumer, EventSource } from "../events/mod.ts";
import type { SagaEngine } from "../saga/mod.ts";
import type { AskFleet } from "./elsewhere.ts";

/** A host, as its operators see it. */
export interface HostView {
  /** How the other hosts are asked; undefined when there is no way. */
  readonly askFleet: AskFleet | undefined;
  /** The services of the system that are placed in other hosts. */
  readonly placedElsewhere: readonly string[];
  /** Which service hears what. */
  readonly hearings: readonly { readonly service: string; readonly consumer: Consumer }[];
  /** The engines of the services that have sagas. */
  sagas(): ReadonlyMap<string, SagaEngine>;
  /** Makes a projection anew from the whole log. @throws {NotOperated}; {LeaseLost} when another replica leads. */
  rebuild(service: string, projection: string): Promise<void>;
  /** The events of a service that is placed here. @throws {UnknownOperation} */
  source(service: string): EventSource;
  /** The position in the log of a service placed here after which everything is of this moment, or later. */
  positionAt(service: string, sinceMs: number): Promise<number>;
}
