/** The world: every port through which code touches the outside. `node` makes the real one, `sim` a simulated one. */
import type { Crypto } from "../security/mod.ts";
import type { Clock, Ids, Logger, Random } from "../std/mod.ts";
import type { Migration, Storage } from "../store/mod.ts";
import type { AnswersOf, EventLoopDelay, Revocations } from "../guard/mod.ts";
import type { SpanExporter } from "../observe/mod.ts";
import type { HttpRequest, HttpResponse } from "./context.ts";
import type { MailPort } from "./mail.ts";

/** Asks parties outside the system. Network failures are faults of kind `unavailable`; any status resolves. See `runtime/testing/fetch-conformance.ts`. */
export type Fetch = (request: HttpRequest, signal?: AbortSignal) => Promise<HttpResponse>;

/** All ports of a host. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  readonly crypto: Crypto;
  readonly storage: Storage;
  readonly fetch: Fetch;
  /** Sends mails, where a mail server was configured. */
  readonly mail?: MailPort;
  /** Where the replicas of a service share the answers that it got; each keeps its own where there is none. */
  readonly answersOf?: AnswersOf;
  /** What gateways must refuse although it has not expired; without it, tokens are good until they expire. */
  readonly revocations?: Revocations;
  /** How late the event loop runs: a signal of overload. */
  readonly eventLoop: EventLoopDelay;
  /** Where finished spans go, when somebody wants them. */
  readonly spans?: SpanExporter;
  /** Reads migrations from where a service keeps them. */
  migrations(source: URL | readonly Migration[]): readonly Migration[];
}
