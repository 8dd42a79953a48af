/**
 * Lets calls of other processes in, deny by default: from who the peer is, proven by its certificate, and the user's
 * transaction token to the envelope that the runtime decides about. A service calls as itself and as nobody else; a
 * gateway calls for clients; the operator calls the operator's service. Whoever works for a user shows the user's token;
 * a service without one may only say so (`asserted`).
 */
import type { Identity } from "../contract/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import {
  RecentMap,
  type TransactionVerifier,
  type Workload,
  formatSpiffeId,
  parseSpiffeId,
  readAssertion,
  workloadOf,
} from "../security/mod.ts";
import { type Clock, LogBudget, type Logger } from "../std/mod.ts";
import type { Envelope } from "./envelope.ts";
import { PeerRefused } from "./faults.ts";
import type { UserTokens } from "./user-tokens.ts";

/** A call as it came over the wire: whom it is for is not believed yet. */
export interface InboundCall extends Omit<Envelope, "identity" | "peer"> {
  /** The user's transaction token, or what a service asserts. */
  readonly userToken: string | undefined;
}

/** What {@link inbound} needs. */
export interface InboundOptions {
  readonly trustDomain: string;
  readonly transactions: Pick<TransactionVerifier, "verify">;
  readonly tokens: UserTokens;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The roles that the holder of the operator's certificate has; none unless said. */
  readonly operatorRoles?: readonly string[];
}

/** The service that operators may call. */
const OPERATED = "operator";
const PEERS_MAX = 1_000;

/**
 * Makes the function that lets calls in.
 * @returns what turns a call and the SPIFFE id of its peer into an envelope; it throws {@link PeerRefused}.
 */
export function inbound(options: InboundOptions): (call: InboundCall, peerId: string) => Envelope {
  const { trustDomain, operatorRoles = [] } = options;
  const peers = new RecentMap<{ readonly workload: Workload | undefined }>(PEERS_MAX);
  const operator = { subject: formatSpiffeId({ trustDomain, path: "operator" }), roles: operatorRoles, guest: false };
  const refuse = refuser(options);
  const workloadBy = (peerId: string): Workload | undefined => {
    let peer = peers.get(peerId);
    if (peer === undefined) {
      const id = parseSpiffeId(peerId);
      const isOurs = typeof id !== "string" && id.trustDomain === trustDomain;
      peer = { workload: isOurs ? workloadOf(id.path) : undefined };
      peers.set(peerId, peer);
    }
    return peer.workload;
  };
  return (call, peerId) => {
    const workload = workloadBy(peerId);
    if (workload === undefined) throw refuse(call, peerId, "it is neither a service nor a gateway nor the operator");
    const objection = callerObjection(workload, call);
    if (objection !== undefined) throw refuse(call, peerId, objection);
    const identity = workload.kind === "operator" ? operator : identityOf(options, workload, call);
    if (typeof identity === "string") throw refuse(call, peerId, identity);
    const { service, operation, input, key, clientKey, insists, mayBeStale, attempt, deadlineAt } = call;
    const { caller, trace, criticality, signal } = call;
    return {
      ...{ service, operation, input, key, clientKey, insists, mayBeStale, attempt, deadlineAt },
      ...{ caller, identity, peer: peerId, trace, criticality, signal },
    };
  };
}

/** What is wrong with the caller that a peer names. What that caller may call is for the runtime to decide. */
function callerObjection(workload: Workload, { caller, service, userToken }: InboundCall): string | undefined {
  if (workload.kind === "service") {
    return caller === workload.name ? undefined : `it is ${workload.name}, and calls as ${caller ?? "nobody"}`;
  }
  if (caller !== undefined) return `it is no service, and calls as ${caller}`;
  if (workload.kind === "gateway") return undefined;
  if (service !== OPERATED) return "operators call the operator's service only";
  return userToken === undefined ? undefined : "operators act for nobody else";
}

/** Who the user is, or why that is not believed. */
function identityOf(
  { transactions, tokens }: InboundOptions,
  workload: Workload,
  { userToken }: InboundCall,
): Identity | string | undefined {
  if (userToken === undefined) return undefined;
  const said = readAssertion(userToken);
  if (said === "malformed") return "what it asserts of the user is malformed";
  if (said !== undefined) return workload.kind === "service" ? said : "only services may assert who the user is";
  const transaction = transactions.verify(userToken);
  if (typeof transaction === "string") return `the user's token is refused: ${transaction}`;
  tokens.keep(transaction, userToken);
  return transaction.identity;
}

function refuser({ clock, log, metrics }: InboundOptions): (call: InboundCall, peer: string, reason: string) => Error {
  const refused = metrics.counter("isomer.inbound.refused", "Calls of other processes that were refused.", ["peer"]);
  const budget = new LogBudget(clock);
  return ({ service, operation, caller }, peer, reason) => {
    const name = `${service}.${operation}`;
    refused.with({ peer }).add(1);
    if (budget.take()) log.warn("call refused", { operation: name, caller, peer, reason });
    return PeerRefused.with({ peer, operation: name, reason });
  };
}
