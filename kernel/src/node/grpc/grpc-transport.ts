/**
 * Carries calls to services that others serve over gRPC, with mutual TLS. Nothing here outlives the process: a call whose
 * answer was lost is repeated under its key.
 */
import { type ChannelOptions, Client, Metadata, type StatusObject, credentials, status } from "@grpc/grpc-js";
import type { ContractBase, Operation } from "../../contract/mod.ts";
import { DeadlineExceeded } from "../../guard/mod.ts";
import { UnknownOperation } from "../../runtime/mod.ts";
import { Invalid, validator } from "../../schema/mod.ts";
import { type WorkloadIdentity, serverNameOf } from "../../security/mod.ts";
import type { Clock, Fault } from "../../std/mod.ts";
import { type Envelope, type Reply, type Transport, Unreachable, notStarted } from "../../transport/mod.ts";
import { BODY_BYTES_MAX, ForeignAnswer, headersOf } from "../external/mod.ts";
import { contextOf, serverCheck } from "../identity/mod.ts";
import { type GrpcMethod, type LockOf, grpcMethods } from "./contracts.ts";
import { Unfit } from "./messages.ts";
import { DETAILS, faultIn } from "./status.ts";

/** What {@link GrpcTransport} needs. */
export interface GrpcTransportOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  /** The contracts of the services that are called. */
  readonly contracts: readonly ContractBase[];
  readonly lockOf: LockOf;
  /** Where each service is: `127.0.0.1:8443`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** What proves for which user a call is made; see `UserTokens`. */
  readonly userTokenOf?: (envelope: Envelope) => string | undefined;
}

const EDGE = "gateway";
/** Repeating is ours, and so are the connections: none is shared with whoever else uses grpc-js in this process. */
const CHANNEL: ChannelOptions = {
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.max_receive_message_length": BODY_BYTES_MAX,
  "grpc.max_send_message_length": BODY_BYTES_MAX,
};

interface Known extends GrpcMethod {
  /** Says by the contract what is wrong with an input that no message can hold. */
  readonly check: (input: unknown) => void;
}

/** A transport to services over gRPC. Each calling service has connections of its own, which show its certificate. */
export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #methods = new Map<string, Known>();
  readonly #lines = new Map<string, Line>();
  readonly #endRotation: () => void;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    for (const contract of options.contracts) {
      const operations: Readonly<Record<string, Operation>> = { ...contract.commands, ...contract.queries };
      for (const method of grpcMethods(contract, options.lockOf(contract.name))) {
        const name = `${contract.name}.${method.operation}`;
        const definition = operations[method.operation];
        if (definition === undefined) continue;
        const checked = validator(definition.input, `input of ${name}`);
        this.#methods.set(name, { ...method, check: (input) => void checked.parse(input) });
      }
    }
    // What shows old certificates ends with its last call; what comes after shows the new.
    this.#endRotation = options.identity.onRotate(() => this.#forget());
  }

  async send(envelope: Envelope): Promise<Reply> {
    const { clock, addresses, userTokenOf } = this.#options;
    const { service, operation, caller, deadlineAt } = envelope;
    const method = this.#methods.get(`${service}.${operation}`);
    if (method === undefined) throw UnknownOperation.with({ operation: `${service}.${operation}` });
    const address = addresses[service];
    if (address === undefined) throw notStarted({ service, reason: "nobody said where it is" });
    const remainingMs = deadlineAt - clock.monotonicMs();
    if (remainingMs <= 0) throw DeadlineExceeded.with({ label: `${service}.${operation}` });
    const input = inputOf(method, envelope.input);
    const metadata = new Metadata();
    const {
      "content-type": _,
      "isomer-deadline-ms": __,
      ...headers
    } = headersOf(envelope, userTokenOf?.(envelope), clock.monotonicMs());
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const line = this.#lineTo(caller === undefined ? EDGE : `service/${caller}`, service, address);
    return line.call(method, { input, metadata, remainingMs, signal: envelope.signal });
  }

  /** Ends all connections when their last call is over. */
  close(): void {
    this.#endRotation();
    this.#forget();
  }

  #lineTo(from: string, service: string, address: string): Line {
    const name = `${from}\n${service}\n${address}`;
    let line = this.#lines.get(name);
    if (line === undefined) {
      const { identity, clock } = this.#options;
      line = new Line({ identity, clock, from, to: `service/${service}`, address });
      this.#lines.set(name, line);
    }
    return line;
  }

  #forget(): void {
    for (const line of this.#lines.values()) line.end();
    this.#lines.clear();
  }
}

function inputOf(method: Known, input: unknown): Buffer {
  try {
    return method.input.write(input);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    // The callee would say so, if it could be told.
    method.check(input);
    const issues = [{ path: "", keyword: "protobuf", message: error.message }];
    throw Invalid.with({ what: `input of ${method.service}.${method.operation}`, issues });
  }
}

interface LineOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly from: string;
  readonly to: string;
  readonly address: string;
}

interface Asked {
  readonly input: Buffer;
  readonly metadata: Metadata;
  readonly remainingMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A connection as one workload to one address. */
class Line {
  readonly #clock: Clock;
  readonly #client: Client;
  /** Why whoever answers there was refused, when that was the last that happened. */
  #refusal: Fault | undefined;
  #calls = 0;
  #isEnded = false;

  constructor({ identity, clock, from, to, address }: LineOptions) {
    this.#clock = clock;
    const check = serverCheck({ identity, clock, from, to });
    const secure = credentials.createFromSecureContext(contextOf(identity.credentials(from)), {
      rejectUnauthorized: true,
      checkServerIdentity: (name, certificate) => (this.#refusal = check(name, certificate)),
    });
    const name = serverNameOf({ trustDomain: identity.trustDomain, path: to });
    this.#client = new Client(address, secure, {
      ...CHANNEL,
      "grpc.ssl_target_name_override": name,
      "grpc.default_authority": name,
    });
  }

  /** Takes no further calls; closes when those under way are over. */
  end(): void {
    this.#isEnded = true;
    if (this.#calls === 0) this.#client.close();
  }

  async call(method: GrpcMethod, asked: Asked): Promise<Reply> {
    this.#calls += 1;
    try {
      return await this.#ask(method, asked);
    } finally {
      this.#calls -= 1;
      if (this.#isEnded && this.#calls === 0) this.#client.close();
    }
  }

  #ask({ path, service, operation, output }: GrpcMethod, asked: Asked): Promise<Reply> {
    const { input, metadata, remainingMs, signal } = asked;
    const bytes = (message: Buffer): Buffer => message;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const give = (): void => call.cancel();
      const timer = this.#clock.after(remainingMs, () => {
        isLate = true;
        give();
      });
      // The callee is told of the deadline; that it is kept here is seen to by the clock of this host.
      const deadline = Math.ceil(this.#clock.now() + remainingMs) + 1;
      let answer: Buffer | undefined;
      const call = this.#client.makeUnaryRequest(path, bytes, bytes, input, metadata, { deadline }, (_, value) => {
        answer = value;
      });
      // Comes after the answer, and always.
      call.on("status", (ended: StatusObject) => {
        timer.cancel();
        signal?.removeEventListener("abort", give);
        const to = { service, operation };
        if (ended.code !== status.OK || answer === undefined) return reject(this.#failure(ended, to, isLate));
        try {
          const replayed = ended.metadata.get("isomer-replayed")[0] === "true";
          resolve({ output: output.read(answer), replayed });
        } catch (error) {
          reject(foreign(to, error instanceof Error ? error.message : "what cannot be read"));
        }
      });
      signal?.addEventListener("abort", give, { once: true });
      if (signal?.aborted === true) give();
    });
  }

  #failure({ code, details: text, metadata }: StatusObject, to: Callee, isLate: boolean): Fault {
    const { service, operation } = to;
    const [details] = metadata.get(DETAILS);
    const fault = details instanceof Buffer ? faultIn(details) : undefined;
    if (fault !== undefined) return fault;
    if (isLate || code === status.DEADLINE_EXCEEDED) return DeadlineExceeded.with({ label: `${service}.${operation}` });
    if (code === status.UNIMPLEMENTED) return UnknownOperation.with({ operation: `${service}.${operation}` });
    if (code === status.CANCELLED) return Unreachable.with({ service, reason: "given up" });
    if (isBrokenOff(code, text)) return Unreachable.with({ service, reason: text });
    if (code !== status.UNAVAILABLE) return foreign(to, `${status[code]}: ${text}`);
    if (this.#refusal !== undefined) return this.#refusal;
    // The library's own words; when they change, the call counts as one that may have happened, which is safe. What is refused
    // as a stream was not looked at (RFC 9113 §8.7): the server ends, or its connection does.
    const isNotBegun = text.startsWith("No connection established") || text.startsWith("Stream refused by server");
    return isNotBegun ? notStarted({ service, reason: text }) : Unreachable.with({ service, reason: text });
  }
}

/**
 * Whether the way failed, and not the callee: the stream was reset, or the connection is over. The library says so by its own words
 * only; when they change, the call counts as one that was answered wrongly, and is not repeated.
 */
function isBrokenOff(code: status, text: string): boolean {
  if (code === status.INTERNAL) return /^Received RST_STREAM|session has been destroyed/.test(text);
  return code === status.RESOURCE_EXHAUSTED && text.startsWith("Bandwidth exhausted");
}

type Callee = Pick<GrpcMethod, "service" | "operation">;

function foreign({ service, operation }: Callee, problem: string): Fault {
  return ForeignAnswer.with({ service, problem: `${operation}: ${problem}` });
}
