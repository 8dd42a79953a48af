/**
 * One connection of a host to NATS, for all that goes over it. It connects for ever, with pauses that vary, and while
 * it is down everything that is asked fails at once with a fault of kind `unavailable`: nothing hangs.
 */
import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import {
  type ConnectionOptions,
  type NatsConnection,
  type Subscription,
  connect,
  errors,
  nkeyAuthenticator,
} from "@nats-io/transport-node";
import { BrokerRefused, BrokerUnavailable, ForeignMessages } from "../../events/mod.ts";
import type { Metrics } from "../../observe/mod.ts";
import { type Clock, type Fault, type Logger, type Random, isFault, sleep } from "../../std/mod.ts";
import { guardSocket } from "./guard-socket.ts";
import { API } from "./names.ts";

/** How a host proves who it is to NATS: by a password, or by an nkey's seed. */
export type NatsCredentials = { readonly user: string; readonly password: string } | { readonly seed: string };

/** How a host and the server know one another. PEM texts. */
export interface NatsTls {
  /** What the server is checked against. */
  readonly authority: string;
  /** The name that the server's certificate must have; the server's host name unless said. */
  readonly serverName?: string;
  /** What the server is shown. */
  readonly certificate?: string;
  readonly key?: string;
}

/** Where NATS is, and who asks. */
export interface NatsLinkOptions {
  /** `host:port` of one or more servers of the cluster. */
  readonly servers: readonly string[];
  /** Shown in the server's monitoring. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly credentials?: NatsCredentials;
  /**
   * Where answers come to, by `inboxOf`: said where users have accounts of their own (`usersConfiguration`), and JetStream
   * is asked through what each may import. `_INBOX`, and JetStream of the same account, unless said.
   */
  readonly inboxPrefix?: string;
  /** A function is asked at each connection: so certificates that were renewed meanwhile are shown, and trusted. */
  readonly tls?: NatsTls | (() => NatsTls);
  /** How long an answer may take, in milliseconds; 2,000 unless said. */
  readonly requestMs?: number;
}

/** JetStream over a connection: publishing, and managing streams. */
export interface JetStreamAccess {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** How long connecting and an answer to a ping may take, in milliseconds. */
const CONNECT_MS = 3_000;
const PING_MS = 10_000;
/** The bounds of the pause between attempts to connect, in milliseconds. */
const PAUSE_MS = { least: 100, most: 600 } as const;

/** Opens a link; it connects in the background. */
export function openNats(options: NatsLinkOptions): NatsLink {
  return new NatsLink(options);
}

/** A connection to NATS that comes back. */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #upListeners = new Set<() => void>();
  readonly #downListeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #foreign: ForeignMessages;
  #connection: NatsConnection | undefined;
  #access: Promise<JetStreamAccess> | undefined;
  #isUp = false;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
    const { log, name, metrics } = options;
    this.#foreign = new ForeignMessages(log, { name });
    if (metrics !== undefined) this.#foreign.measure(metrics, name);
    this.#running = this.#run();
  }

  /** Whether there is a connection now. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** The largest message that the server takes, in bytes; 1 MiB until it said another. */
  get messageBytesMax(): number {
    return this.#connection?.info?.max_payload ?? 1_048_576;
  }

  /** The connection. @throws {BrokerUnavailable} while there is none. */
  connection(): NatsConnection {
    if (this.#connection === undefined || !this.#isUp) {
      throw BrokerUnavailable.with({ broker: "NATS", reason: "not connected" });
    }
    return this.#connection;
  }

  /** Does something with JetStream. @throws faults only, of kind `unavailable` unless NATS refused. */
  async jetStream<T>(what: string, action: (access: JetStreamAccess) => Promise<T>): Promise<T> {
    const connection = this.connection();
    const { requestMs: timeout = 2_000, inboxPrefix } = this.#options;
    this.#access ??= accessTo(connection, { timeout, apiPrefix: inboxPrefix === undefined ? "$JS.API" : API });
    try {
      return await action(await this.#access);
    } catch (error) {
      throw faultOf(error, what);
    }
  }

  /** Resolves when it is connected, or closed. */
  up(): Promise<void> {
    if (this.#isUp || this.#closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        deaf();
        this.#closing.signal.removeEventListener("abort", done);
        resolve();
      };
      const deaf = this.onUp(done);
      this.#closing.signal.addEventListener("abort", done);
    });
  }

  /** Calls the listener each time that there is a connection again. Returns what ends it. */
  onUp(listener: () => void): () => void {
    const own = (): void => listener();
    this.#upListeners.add(own);
    return () => this.#upListeners.delete(own);
  }

  /** Calls the listener each time that the connection was lost. Returns what ends it. */
  onDown(listener: () => void): () => void {
    const own = (): void => listener();
    this.#downListeners.add(own);
    return () => this.#downListeners.delete(own);
  }

  /** Hears a subject while it is connected, and again after each new connection. Returns what ends it. */
  subscribe(subject: string, listener: (message: Heard) => void): () => void {
    let subscription: Subscription | undefined;
    const begin = (): void => {
      if (!this.#isUp || subscription?.isClosed() === false) return;
      subscription = this.#connection?.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) this.#tell(subject, listener, message);
          else this.#options.log.warn("NATS ended a subscription.", { subject, error });
        },
      });
    };
    begin();
    const deaf = this.onUp(begin);
    return () => {
      deaf();
      if (subscription?.isClosed() === false) subscription.unsubscribe();
    };
  }

  /** How many messages were found in streams that are no runs of events. */
  get foreignMessages(): number {
    return this.#foreign.count;
  }

  /** Tells that a message of a stream is no run of events: an error in the log, once for each. */
  foreign(stream: string, place: number, why: string): void {
    this.#foreign.found(stream, place, why);
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#isUp = false;
    await this.#connection?.close().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, log, name } = this.#options;
    const { signal } = this.#closing;
    for (let isTold = false; !signal.aborted;) {
      try {
        this.#connection = await connect(this.#connectOptions());
        isTold = false;
        this.#access = undefined;
        if (signal.aborted) await this.#connection.close();
        else await this.#watch(this.#connection);
      } catch (error) {
        // Once for each outage is enough.
        log[isTold ? "debug" : "warn"]("NATS could not be reached; it is tried again for ever.", { name, error });
        isTold = true;
      }
      this.#down();
      await sleep(clock, PAUSE_MS.least + (PAUSE_MS.most - PAUSE_MS.least) * random.next(), signal);
    }
  }

  /** What a listener throws would end the reading of the connection, for all of its listeners. */
  #tell(subject: string, listener: (message: Heard) => void, message: Heard): void {
    try {
      listener(message);
    } catch (error) {
      this.#options.log.error("A message could not be taken.", { subject, error });
    }
  }

  /** Follows what becomes of a connection, until it is closed for good. */
  async #watch(connection: NatsConnection): Promise<void> {
    const { log, name } = this.#options;
    const statuses = connection.status();
    guardSocket(connection);
    this.#isUp = true;
    log.info("Connected to NATS.", { name, server: connection.getServer() });
    this.#tellUp();
    for await (const status of statuses) {
      if (status.type === "disconnect") {
        this.#down();
        log.warn("The connection to NATS is lost; it is made again.", { name });
      } else if (status.type === "reconnect") {
        guardSocket(connection);
        this.#isUp = true;
        log.info("Connected to NATS again.", { name, server: connection.getServer() });
        this.#tellUp();
      } else if (status.type === "error") {
        log.warn("NATS reported an error.", { name, error: status.error });
      }
    }
  }

  #down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    for (const listener of this.#downListeners) listener();
  }

  #tellUp(): void {
    for (const listener of this.#upListeners) listener();
  }

  #connectOptions(): ConnectionOptions {
    const { servers, name, credentials, inboxPrefix, tls, random } = this.#options;
    return {
      servers: [...servers],
      name,
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      // Refused credentials may be mended while this host runs.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => PAUSE_MS.least + (PAUSE_MS.most - PAUSE_MS.least) * random.next(),
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
      ...credentialsOf(credentials),
    };
  }
}

/** A message of core NATS. */
export interface Heard {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: { get(name: string): string };
}

async function accessTo(
  connection: NatsConnection,
  options: { readonly timeout: number; readonly apiPrefix: string },
): Promise<JetStreamAccess> {
  const client = jetstream(connection, options);
  return { client, manager: await client.jetstreamManager(false) };
}

/** The client reads these at each connection, and hands on what it does not know itself to node:tls. */
function tlsOf(tls: NatsTls | (() => NatsTls)): NonNullable<ConnectionOptions["tls"]> {
  const now = typeof tls === "function" ? tls : (): NatsTls => tls;
  const { serverName, certificate } = now();
  const own = {
    get cert() {
      return now().certificate;
    },
    get key() {
      return now().key;
    },
  };
  const options = {
    get ca() {
      return now().authority;
    },
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  return certificate === undefined ? options : Object.defineProperties(options, Object.getOwnPropertyDescriptors(own));
}

function credentialsOf(credentials: NatsCredentials | undefined): ConnectionOptions {
  if (credentials === undefined) return {};
  if ("user" in credentials) return { user: credentials.user, pass: credentials.password };
  return { authenticator: nkeyAuthenticator(new TextEncoder().encode(credentials.seed)) };
}

function faultOf(error: unknown, what: string): Fault {
  if (isFault(error)) return error;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof errors.PermissionViolationError) {
      return BrokerRefused.with({ broker: "NATS", what }, { cause: error });
    }
  }
  // The server's words for a stream that is not there or has no leader mislead. To another account it says nothing.
  const why = messageOf(error)
    .replace("jetstream is not enabled", "the stream is missing, or has no leader")
    .replace(/^timeout$/, "no answer in time; perhaps the stream is missing, or has no leader");
  const reason = `${what}: ${why}`;
  return BrokerUnavailable.with({ broker: "NATS", reason }, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
