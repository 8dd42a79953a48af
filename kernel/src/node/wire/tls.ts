/** Mutual TLS 1.3 as the wire uses it. Who the peer is, and whether its certificate is good, `node/identity` decides. */
import type { TLSSocket } from "node:tls";
import type { WorkloadCredentials } from "../../security/mod.ts";
import type { Clock } from "../../std/mod.ts";
import { type Peer, admitPeer } from "../identity/mod.ts";

/** The protocol that both sides name in the handshake. */
export const ALPN = "isomer/1";

/** How long before a certificate's end its connections are replaced, in milliseconds; less when little is left of it. */
const BEFORE_END_MS = 30_000;
/** Timers take no longer ones; whoever is woken early replaces a connection early. */
const LIFE_MAX_MS = 24 * 3_600_000;

/** How long a connection is used whose certificates end at a moment, in milliseconds. */
export function lifeMs(endsAt: number, now: number): number {
  const leftMs = Math.max(0, endsAt - now);
  return Math.min(LIFE_MAX_MS, leftMs - Math.min(BEFORE_END_MS, leftMs / 5));
}

/** What {@link peerOf} needs to know of this side. */
export interface OwnSide {
  readonly trustDomain: string;
  readonly credentials: WorkloadCredentials;
  readonly clock: Pick<Clock, "now">;
  /** The workload that must be at the other end, where one was called: `service/orders`. */
  readonly expected?: string;
}

/**
 * Who is at the other end of a socket whose handshake is done.
 * @throws {BadCertificate}, and an error when another protocol was agreed.
 */
export function peerOf(socket: TLSSocket, { trustDomain, credentials, clock, expected }: OwnSide): Peer {
  if (socket.alpnProtocol !== ALPN) throw new Error(`The protocol is ${String(socket.alpnProtocol)}, not ${ALPN}.`);
  if (socket.getProtocol() !== "TLSv1.3") throw new Error("The protocol is not TLS 1.3.");
  return admitPeer(socket, trustDomain, credentials.trustBundle, clock, expected);
}
