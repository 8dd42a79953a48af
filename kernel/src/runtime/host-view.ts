/** What a service that looks after its host may see of it. */
import type { Consumer } from "../events/mod.ts";
import type { SagaEngine } from "../saga/mod.ts";

/** A host, as its operators see it. */
export interface HostView {
  /** Which service hears what. */
  readonly hearings: readonly { readonly service: string; readonly consumer: Consumer }[];
  /** The engines of the services that have sagas. */
  sagas(): ReadonlyMap<string, SagaEngine>;
  /** Makes a projection anew from the whole log. @throws {UnknownOperation} */
  rebuild(service: string, projection: string): Promise<void>;
}
