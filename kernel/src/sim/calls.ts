/** Calls between simulated hosts: envelopes as text over the network, with what remains of the deadline. */
import { DeadlineExceeded, Overloaded, markRetried, wasRetried } from "../guard/mod.ts";
import { type Clock, type FaultData, faultFrom, toFault } from "../std/mod.ts";
import type { Identity } from "../contract/mod.ts";
import type { Host } from "../runtime/mod.ts";
import { type Envelope, type Reply, type Transport, notStarted } from "../transport/mod.ts";
import { type Faults, stableName } from "./faults.ts";
import { hash53 } from "./hash.ts";
import type { Listener } from "./machine.ts";
import type { Asker, Network, Question } from "./network.ts";
import { under } from "./real/cause.ts";

/** The port on which hosts take calls. */
export const CALLS = "calls";

type Sent = Omit<Envelope, "signal" | "deadlineAt"> & { readonly remainingMs: number; readonly from: string };
/** What comes back: `notStarted` says why the callee did not begin. */
type Came =
  | { readonly reply: Reply }
  | { readonly fault: FaultData; readonly retried: boolean }
  | { readonly notStarted: string };

/** By how much sums of fractions of a millisecond may be off. */
const ROUNDING_MS = 0.001;

/** What a transport needs. */
export interface CallsParts {
  readonly network: Network;
  readonly asker: Asker;
  readonly clock: Clock;
  /** The machine on which a service is placed. */
  readonly placeOf: (service: string) => string;
}

/** Carries calls to where their services are placed. */
export function simulatedTransport({ placeOf, ...parts }: CallsParts): Transport {
  return {
    send: async (envelope) =>
      answerIn(await askFor(parts, envelope, { to: placeOf(envelope.service) }), envelope.service),
  };
}

/** Sends a call to a process, and gives the text of its answer. @throws {Unreachable}, {DeadlineExceeded} */
export async function askFor(
  { network, asker, clock }: Omit<CallsParts, "placeOf">,
  { signal, deadlineAt, ...rest }: Envelope,
  callee: Pick<Question, "to" | "life">,
): Promise<string> {
  const remainingMs = deadlineAt - clock.monotonicMs();
  const what = `${rest.service}.${rest.operation}`;
  if (remainingMs <= 0) throw DeadlineExceeded.with({ label: what });
  const about = `${rest.key ?? inputName(rest.input)}${rest.attempt > 1 ? ` attempt ${rest.attempt}` : ""}`;
  const sent: Sent = { ...rest, remainingMs, from: asker.name };
  const asking = network.ask(asker, {
    ...{ ...callee, port: CALLS, what, about, timeoutMs: remainingMs, signal },
    ...{ body: JSON.stringify(sent), outcomeOf: faultIn },
  });
  return asking.catch((error: unknown) => {
    if (deadlineAt - clock.monotonicMs() > ROUNDING_MS) throw error;
    throw DeadlineExceeded.with({ label: what }, { cause: error });
  });
}

/** The answer that a text is. @throws the fault that it is, as the callee threw it. */
export function answerIn(text: string, service: string): Reply {
  const came = JSON.parse(text) as Came;
  if ("reply" in came) return came.reply;
  if ("notStarted" in came) throw notStarted({ service, reason: came.notStarted });
  const fault = faultFrom(came.fault);
  if (came.retried) markRetried(fault);
  throw fault;
}

/** The text by which a callee says that it did not begin. */
export function notStartedText(reason: string): string {
  return JSON.stringify({ notStarted: reason } satisfies Came);
}

/** Tells queries apart by what they ask for, so that who asks more or less changes no other's occasions. */
function inputName(input: unknown): string {
  return `~${hash53(stableName(JSON.stringify(input))).toString(36)}`;
}

/**
 * Takes calls for the services that are placed on a host. Each arrival has an occasion of its own: that of a doubled call
 * too, for two runs of one call make different ids.
 */
export function callListener(local: Transport, clock: Clock, faults: Pick<Faults, "occasion" | "strikes">): Listener {
  return async (body, signal) => {
    const { remainingMs, from, ...rest } = JSON.parse(body) as Sent;
    const what = `${rest.service}.${rest.operation}`;
    if (faults.strikes("call refused", faults.occasion(`${from}>${rest.service} ${what} ${rest.key ?? ""}`)))
      return JSON.stringify({ fault: Overloaded.with({ retryAfterMs: REFUSED_MS }).toJSON(), retried: false });
    const envelope: Envelope = {
      ...rest,
      // JSON leaves out what is undefined.
      key: rest.key,
      caller: rest.caller,
      identity: rest.identity,
      trace: rest.trace,
      deadlineAt: clock.monotonicMs() + remainingMs,
      signal,
    };
    const name = faults.occasion(`call ${from} ${what} ${rest.key ?? ""}`);
    return JSON.stringify(await under(name, () => answer(local, envelope)));
  };
}

/** After how long a caller that is refused is asked to come again, in milliseconds. */
const REFUSED_MS = 100;

/** The port on which gateways take calls of actors that do without HTTP. */
export const EDGE = "edge";

/** A call of somebody outside. */
export interface OutsideCall {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  readonly key: string;
  readonly identity?: Identity;
}

/** Takes calls of actors. */
export function edgeListener(host: Host, occasion: (name: string) => string): Listener {
  const local: Transport = { send: (call) => host.invoke(call as unknown as OutsideCall) };
  return async (body) => {
    const call = JSON.parse(body) as OutsideCall;
    const name = occasion(`edge ${call.service}.${call.operation} ${call.key}`);
    return JSON.stringify(await under(name, () => answer(local, call as unknown as Envelope)));
  };
}

/** Makes a call from outside. @throws its fault, or `transport/unreachable`. */
export async function callEdge(network: Network, asker: Asker, to: string, call: OutsideCall): Promise<unknown> {
  const text = await network.ask(asker, {
    ...{ to, port: EDGE, what: `${call.service}.${call.operation}`, about: call.key, timeoutMs: EDGE_TIMEOUT_MS },
    ...{ body: JSON.stringify(call), outcomeOf: faultIn },
  });
  const came = JSON.parse(text) as Came;
  if ("reply" in came) return came.reply.output;
  throw "fault" in came ? faultFrom(came.fault) : notStarted({ service: call.service, reason: came.notStarted });
}

const EDGE_TIMEOUT_MS = 5_000;

async function answer(local: Transport, envelope: Envelope): Promise<Came> {
  try {
    return { reply: await local.send(envelope) };
  } catch (error) {
    return { fault: toFault(error).toJSON(), retried: wasRetried(error) };
  }
}

/** The code of the fault that an answer is, if it is one. */
function faultIn(text: string): string | undefined {
  const came = text.startsWith('{"fault"') ? (JSON.parse(text) as Came) : undefined;
  return came !== undefined && "fault" in came ? came.fault.code : undefined;
}
