/** Mutual TLS 1.3 between workloads: whose certificate a connection shows, and whom it trusts. */
import { X509Certificate } from "node:crypto";
import { type SecureContext, type TLSSocket, createSecureContext } from "node:tls";
import type { WorkloadCredentials } from "../../security/mod.ts";

/** The protocol that both sides name in the handshake. */
export const ALPN = "isomer/1";

/**
 * Says whose certificate a peer showed: its SPIFFE id. `chain` is DER, the leaf first; `trustBundle` is PEM. The chain
 * was checked by TLS already; this decides whether the leaf is an X.509-SVID. @throws to refuse it.
 */
export type VerifyPeer = (chain: readonly Buffer[], trustBundle: string) => string;

/** Who is at the other end of a connection. */
export interface Peer {
  readonly id: string;
  /** When its certificate ends, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The name that a caller asks for in the handshake: `orders.service.<trust domain>`, `gateway.<trust domain>`. */
export function serverNameOf(path: string, trustDomain: string): string {
  const [kind = "", name] = path.split("/");
  return name === undefined ? `${kind}.${trustDomain}` : `${name}.${kind}.${trustDomain}`;
}

/** The workload that a server name stands for; undefined when it is none of the trust domain. */
export function pathOfServerName(serverName: string, trustDomain: string): string | undefined {
  const suffix = `.${trustDomain}`;
  if (!serverName.endsWith(suffix)) return undefined;
  const [name = "", kind, ...more] = serverName.slice(0, -suffix.length).split(".");
  if (more.length > 0) return undefined;
  if (kind === undefined) return name === "gateway" ? name : undefined;
  return kind === "service" ? `service/${name}` : undefined;
}

/** How long before a certificate's end its connections are replaced, in milliseconds; less when little is left of it. */
const BEFORE_END_MS = 30_000;
/** Timers take no longer ones; whoever is woken early replaces a connection early. */
const LIFE_MAX_MS = 24 * 3_600_000;

/** How long a connection is used whose certificates end at a moment, in milliseconds. */
export function lifeMs(endsAt: number, now: number): number {
  const leftMs = Math.max(0, endsAt - now);
  return Math.min(LIFE_MAX_MS, leftMs - Math.min(BEFORE_END_MS, leftMs / 5));
}

const CONTEXTS_MAX = 64;

/** Makes what TLS needs of credentials; remembers it while they stay the same. */
export class SecureContexts {
  readonly #known = new Map<string, SecureContext>();

  /** The context of credentials as they are now. */
  of({ privateKey, certificateChain, trustBundle }: WorkloadCredentials): SecureContext {
    const name = `${certificateChain}\n${trustBundle}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const context = createSecureContext({
      ...{ key: privateKey, cert: certificateChain, ca: trustBundle },
      ...{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
    });
    if (this.#known.size >= CONTEXTS_MAX) this.#known.delete(this.#known.keys().next().value ?? "");
    this.#known.set(name, context);
    return context;
  }
}

/**
 * Who is at the other end of a socket whose handshake is done.
 * @throws when TLS did not verify it, when it took up an earlier session (whose certificate may have ended), when another
 * protocol was agreed, or when the certificate is refused.
 */
export function peerOf(socket: TLSSocket, verifyPeer: VerifyPeer, trustBundle: string): Peer {
  if (!socket.authorized) throw new Error(`The certificate is not trusted: ${String(socket.authorizationError)}.`);
  if (socket.isSessionReused()) throw new Error("Sessions are not taken up again.");
  if (socket.alpnProtocol !== ALPN) throw new Error(`The protocol is ${String(socket.alpnProtocol)}, not ${ALPN}.`);
  if (socket.getProtocol() !== "TLSv1.3") throw new Error("The protocol is not TLS 1.3.");
  const chain = chainOf(socket);
  const [leaf] = chain;
  if (leaf === undefined) throw new Error("There is no certificate.");
  const id = verifyPeer(chain, trustBundle);
  return { id, expiresAt: Date.parse(new X509Certificate(leaf).validTo) };
}

const CHAIN_MAX = 8;

function chainOf(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerCertificate(true);
  while (certificate.raw !== undefined && chain.length < CHAIN_MAX) {
    chain.push(certificate.raw);
    const issuer = certificate.issuerCertificate as typeof certificate | undefined;
    // The authority's own certificate names itself.
    if (issuer === undefined || issuer === certificate || issuer.raw?.equals(certificate.raw)) break;
    certificate = issuer;
  }
  return chain;
}
