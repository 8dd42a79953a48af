/**
 * Mutual TLS 1.3 between workloads. {@link listenTls} and {@link connectTls} hand out sockets only after the other side's
 * certificate was held to every rule. Sessions are never resumed: each connection begins with certificates that are good then.
 */
import { constants } from "node:crypto";
import { once } from "node:events";
import {
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  type Server,
  type TLSSocket,
  type TlsOptions,
  connect,
  createSecureContext,
  createServer,
} from "node:tls";
import { BadCertificate, type WorkloadCredentials, type WorkloadIdentity, serverNameOf } from "../../security/mod.ts";
import { type Clock, type Fault, toFault } from "../../std/mod.ts";
import { CHAIN_LENGTH_MAX, type Peer, verifyPeer } from "./verify-peer.ts";

/** How long a handshake may take, in milliseconds, unless said. */
const HANDSHAKE_MS = 5_000;

/** What both ends need. */
export interface TlsParts {
  readonly identity: WorkloadIdentity;
  readonly clock: Pick<Clock, "now">;
  /** The protocols that are spoken, best first (ALPN). A peer without one of them is refused. */
  readonly protocols: readonly string[];
  /** How long a handshake may take, in milliseconds; 5,000 unless said. */
  readonly handshakeMs?: number;
}

/** A connection to somebody whose certificate is good. */
export interface PeerConnection {
  readonly socket: TLSSocket;
  readonly peer: Peer;
  /** The workload that this end is: `service/orders`. */
  readonly path: string;
  /** When the first of both ends' certificates is over, milliseconds since 1970: end the connection before. */
  readonly expiresAt: number;
}

/** What a listening end needs. */
export interface ListenOptions extends TlsParts {
  /** The workloads that are served here. Clients name one by SNI; whoever names none gets the first. */
  readonly paths: readonly [string, ...string[]];
  readonly onPeer: (connection: PeerConnection) => void;
  /** Hears of everybody who was turned away: to log it. The socket is gone. */
  readonly onRefused: (fault: Fault, remoteAddress: string | undefined) => void;
}

/** A server that is not listening yet. Ends its hold on the identity when it is closed. */
export function listenTls(options: ListenOptions): Server {
  const { identity, clock, paths, onPeer, onRefused } = options;
  const server = createServer(serverTls(options), (socket) => {
    try {
      const path = pathOf(identity, paths, socket.servername);
      const own = identity.credentials(path);
      const peer = admitPeer(socket, identity.trustDomain, own.trustBundle, clock);
      onPeer({ socket, peer, path, expiresAt: Math.min(peer.expiresAt, own.expiresAt) });
    } catch (error) {
      socket.on("error", () => {});
      socket.destroy();
      onRefused(toFault(error), socket.remoteAddress);
    }
  });
  const end = identity.onRotate(() => server.setSecureContext(contextOptions(identity.credentials(paths[0]))));
  server.once("close", end);
  return server;
}

/** The options of a server that does more than {@link listenTls}: whoever uses them calls {@link admitPeer} first of all. */
export function serverTls({
  identity,
  paths,
  protocols,
  handshakeMs,
}: Omit<ListenOptions, "onPeer" | "onRefused">): TlsOptions {
  return {
    ...contextOptions(identity.credentials(paths[0])),
    requestCert: true,
    // Refusing is left to `admitPeer`: it can say which rule was broken, and its log can say by whom.
    rejectUnauthorized: false,
    ALPNProtocols: [...protocols],
    handshakeTimeout: handshakeMs ?? HANDSHAKE_MS,
    SNICallback(name, done) {
      try {
        done(null, contextOf(credentialsFor(identity, paths, name)));
      } catch (error) {
        done(error as Error);
      }
    },
  };
}

/** What the workload shows that a client asks for by SNI. @throws {TypeError} when it is not here. */
export function credentialsFor(
  identity: WorkloadIdentity,
  paths: readonly [string, ...string[]],
  name: unknown,
): WorkloadCredentials {
  return identity.credentials(pathOf(identity, paths, name));
}

/** The workload that a client asks for by SNI. @throws {TypeError} when it is not here. */
function pathOf({ trustDomain }: WorkloadIdentity, paths: readonly [string, ...string[]], name: unknown): string {
  if (typeof name !== "string" || name === "") return paths[0];
  const path = paths.find((candidate) => serverNameOf({ trustDomain, path: candidate }) === name);
  if (path === undefined) throw new TypeError(`Nobody of the name "${name}" is served here.`);
  return path;
}

/** Whom to connect to, and as whom. */
export interface ConnectOptions extends TlsParts {
  readonly host: string;
  readonly port: number;
  /** The workload that connects, one of this process: `service/checkout`. */
  readonly from: string;
  /** The workload that must answer: `service/orders`. */
  readonly to: string;
  readonly signal?: AbortSignal;
}

/**
 * Connects to a workload.
 * @throws {BadCertificate} when somebody else answers, and the system's errors when nobody does in time.
 */
export async function connectTls(options: ConnectOptions): Promise<PeerConnection> {
  const { identity, clock, from, to, host, port, signal } = options;
  const own = identity.credentials(from);
  const socket = connect({ ...clientTls(options), host, port });
  const limit = AbortSignal.timeout(options.handshakeMs ?? HANDSHAKE_MS);
  try {
    await once(socket, "secureConnect", { signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) });
    if (!options.protocols.includes(socket.alpnProtocol || "")) throw new Error(`${to} speaks none of our protocols.`);
    const peer = admitPeer(socket, identity.trustDomain, own.trustBundle, clock, to);
    return { socket, peer, path: from, expiresAt: Math.min(peer.expiresAt, own.expiresAt) };
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  }
}

/** The options of a client that does more than {@link connectTls}: whoever uses them calls {@link admitPeer} first of all. */
export function clientTls({ identity, from, to, protocols }: Omit<ConnectOptions, "host" | "port">): ConnectionOptions {
  return {
    secureContext: contextOf(identity.credentials(from)),
    servername: serverNameOf({ trustDomain: identity.trustDomain, path: to }),
    ALPNProtocols: [...protocols],
    rejectUnauthorized: false,
    // Names prove nothing: `admitPeer` looks at the URI.
    checkServerIdentity: () => undefined,
  };
}

/**
 * Holds the other end of a connection to every rule, and to OpenSSL's own judgement. Called when the handshake is over,
 * before anything is read or written.
 * @throws {BadCertificate}
 */
// oxlint-disable-next-line max-params -- the last one is for clients only
export function admitPeer(
  socket: TLSSocket,
  trustDomain: string,
  trustBundle: string,
  clock: Pick<Clock, "now">,
  path?: string,
): Peer {
  const peer = verifyPeer(chainShown(socket), { trustDomain, trustBundle, now: clock.now(), path });
  // A resumed session brings an old judgement with it; nobody of ours offers one.
  if (!socket.authorized || socket.isSessionReused()) throw BadCertificate.with({ rule: "chain", id: peer.id });
  return peer;
}

/**
 * {@link admitPeer} for libraries that connect by themselves: what they take as `checkServerIdentity`. Node calls it when
 * OpenSSL has agreed to the certificates, before anything is written.
 * @returns what gives the {@link BadCertificate} fault by which the other side is refused, and undefined when it is good.
 */
export function serverCheck({
  identity,
  clock,
  from,
  to,
}: Pick<ConnectOptions, "identity" | "clock" | "from" | "to">): (
  name: string,
  certificate: PeerCertificate,
) => Fault | undefined {
  return (_, certificate) => {
    const { trustBundle } = identity.credentials(from);
    const { trustDomain } = identity;
    try {
      const shown = chainFrom(certificate as Partial<DetailedPeerCertificate>);
      verifyPeer(shown, { trustDomain, trustBundle, now: clock.now(), path: to });
      return undefined;
    } catch (error) {
      return toFault(error);
    }
  };
}

function chainShown(socket: TLSSocket): readonly Uint8Array[] {
  return chainFrom(socket.getPeerCertificate(true));
}

function chainFrom(leaf: Partial<DetailedPeerCertificate>): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: Partial<DetailedPeerCertificate> | undefined = leaf;
  while (next?.raw !== undefined && chain.length < CHAIN_LENGTH_MAX) {
    chain.push(new Uint8Array(next.raw));
    // A root is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

const contexts = new WeakMap<WorkloadCredentials, SecureContext>();

/** The context of credentials: made once, for it costs more than a handshake. */
export function contextOf(credentials: WorkloadCredentials): SecureContext {
  let context = contexts.get(credentials);
  if (context === undefined) {
    context = createSecureContext(contextOptions(credentials));
    contexts.set(credentials, context);
  }
  return context;
}

/** What TLS needs of credentials: for servers that take them anew by `setSecureContext`, which takes nothing from before. */
export function contextOptions({ certificateChain, privateKey, trustBundle }: WorkloadCredentials): TlsOptions {
  return {
    cert: certificateChain,
    key: privateKey,
    ca: trustBundle,
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
