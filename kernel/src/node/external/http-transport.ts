/**
 * Carries calls to services that others run, over HTTP with JSON and mutual TLS. Nothing here outlives the process: a call
 * whose answer was lost is repeated under its key.
 */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { DeadlineExceeded, markRetried } from "../../guard/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { type Clock, type FaultType, defineFault, isFault } from "../../std/mod.ts";
import { type Envelope, type Reply, type Transport, Unreachable, notStarted } from "../../transport/mod.ts";
import { admitPeer, clientTls } from "../identity/mod.ts";
import { ALPN, BODY_BYTES_MAX, RETRIED, faultIn, headersOf, lastCallAt } from "./protocol.ts";

/** What {@link HttpTransport} needs. */
export interface HttpTransportOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  /** Where each external service is: `https://127.0.0.1:8443`, with a path before `/<service>` where it has one. */
  readonly baseUrls: Readonly<Record<string, string>>;
  /** What proves for which user a call is made; see `UserTokens`. */
  readonly userTokenOf?: (envelope: Envelope) => string | undefined;
  /** How many connections there are to one service at most; 64 unless said. */
  readonly connectionsMax?: number;
}

/** An external service answered neither with an output nor with a fault of ours. Somebody must look at it. */
export const ForeignAnswer: FaultType<{ service: string; problem: string }> = defineFault({
  code: "transport/foreign-answer",
  kind: "broken",
  message: ({ service, problem }) => `"${service}" answered with ${problem}.`,
});

/** Where a client speaks for nobody in particular. */
const EDGE = "gateway";

/** Timers take no longer ones. */
const LIFE_MAX_MS = 24 * 3_600_000;

const pathOf = (caller: string | undefined): string => (caller === undefined ? EDGE : `service/${caller}`);

/** A transport to external services. Each calling service has connections of its own, which show its certificate. */
export class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #agents = new Map<string, Agent>();
  /** Connections whose other side has proven who it is, and from when on a call is the last one there. */
  readonly #admitted = new WeakMap<object, number>();
  readonly #endRotation: () => void;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#endRotation = options.identity.onRotate(() => this.#replace());
  }

  async send(envelope: Envelope): Promise<Reply> {
    const { clock, baseUrls, userTokenOf } = this.#options;
    const { service, operation, input, deadlineAt } = envelope;
    const base = baseUrls[service];
    if (base === undefined) throw notStarted({ service, reason: "nobody said where it is" });
    const remainingMs = deadlineAt - clock.monotonicMs();
    if (remainingMs <= 0) throw DeadlineExceeded.with({ label: `${service}.${operation}` });
    const body = JSON.stringify(input);
    const headers = headersOf(envelope, userTokenOf?.(envelope), clock.monotonicMs());
    const url = new URL(`${base.replace(/\/$/, "")}/${service}/${operation}`);
    const asked = request(url, {
      method: "POST",
      agent: this.#agentOf(envelope.caller, service),
      headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
    });
    const answer = await this.#inTime(asked, body, envelope, remainingMs);
    return replyOf(service, answer);
  }

  /** Ends all connections: calls under way fail as {Unreachable}. */
  close(): void {
    this.#endRotation();
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #inTime(asked: ClientRequest, body: string, envelope: Envelope, remainingMs: number): Promise<Answer> {
    const { service, operation, signal } = envelope;
    let isLate = false;
    const give = (): void => void asked.destroy(new Error("given up"));
    const timer = this.#options.clock.after(remainingMs, () => {
      isLate = true;
      give();
    });
    signal?.addEventListener("abort", give, { once: true });
    const progress = { isSent: false };
    try {
      return await this.#ask(asked, body, envelope, progress);
    } catch (error) {
      if (isFault(error)) throw error;
      if (isLate) throw DeadlineExceeded.with({ label: `${service}.${operation}` });
      const reason = error instanceof Error ? error.message : "the connection failed";
      throw progress.isSent ? Unreachable.with({ service, reason }) : notStarted({ service, reason });
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", give);
    }
  }

  /** Sends nothing before the other side has proven who it is. */
  async #ask(asked: ClientRequest, body: string, envelope: Envelope, progress: { isSent: boolean }): Promise<Answer> {
    const failed = once(asked, "error").then(([error]) => {
      throw error;
    });
    failed.catch(() => undefined);
    const [socket] = (await Promise.race([once(asked, "socket"), failed])) as [TLSSocket];
    if (!this.#admitted.has(socket)) {
      await Promise.race([once(socket, "secureConnect"), failed]);
      this.#admit(socket, envelope);
    }
    // Whether the other side says so or not: the connection is cut when its certificate ends, with what is under way on it.
    if (this.#options.clock.now() >= (this.#admitted.get(socket) ?? 0)) asked.setHeader("connection", "close");
    progress.isSent = true;
    asked.end(body);
    const [response] = (await Promise.race([once(asked, "response"), failed])) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await textOf(response) };
  }

  #admit(socket: TLSSocket, { caller, service }: Envelope): void {
    const { identity, clock } = this.#options;
    const { trustBundle } = identity.credentials(pathOf(caller));
    try {
      const { expiresAt } = admitPeer(socket, identity.trustDomain, trustBundle, clock, `service/${service}`);
      this.#admitted.set(socket, lastCallAt(expiresAt, clock.now()));
      // Nobody is believed for longer than the certificate says, however busy the connection is.
      const leftMs = Math.min(LIFE_MAX_MS, Math.max(0, expiresAt - clock.now()));
      const end = clock.after(leftMs, () => socket.destroy());
      socket.once("close", () => end.cancel());
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #agentOf(caller: string | undefined, service: string): Agent {
    const { identity, clock, connectionsMax = 64 } = this.#options;
    const from = pathOf(caller);
    const name = `${from}\n${service}`;
    let agent = this.#agents.get(name);
    if (agent === undefined) {
      const tls = clientTls({ identity, clock, from, to: `service/${service}`, protocols: [ALPN] });
      agent = new Agent({ keepAlive: true, maxSockets: connectionsMax, maxCachedSessions: 0, ...(tls as object) });
      this.#agents.set(name, agent);
    }
    return agent;
  }

  /** Connections that show old certificates end with the call that they carry; new ones show the new. */
  #replace(): void {
    for (const agent of this.#agents.values()) {
      agent.maxFreeSockets = 0;
      for (const idle of Object.values(agent.freeSockets)) for (const socket of idle ?? []) socket.destroy();
    }
    this.#agents.clear();
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`its answer has more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function replyOf(service: string, { status, headers, body }: Answer): Reply {
  let read: unknown;
  try {
    read = JSON.parse(body);
  } catch {
    read = undefined;
  }
  if (status === 200 && read !== undefined) return { output: read, replayed: headers["isomer-replayed"] === "true" };
  const fault = status === 200 ? undefined : faultIn(read);
  if (fault !== undefined) {
    if (headers[RETRIED] === "true") markRetried(fault);
    throw fault;
  }
  if (status === 502 || status === 503 || status === 504)
    throw Unreachable.with({ service, reason: `it answered with status ${status}` });
  const what = read === undefined ? "no JSON" : "no fault of ours";
  throw ForeignAnswer.with({ service, problem: `status ${status} and ${what}` });
}
