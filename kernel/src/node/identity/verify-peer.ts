/**
 * Decides who a peer is: its certificates, from the leaf up to an authority that is trusted, and every rule of X.509-SVIDs.
 * What OpenSSL has checked in the handshake is checked again: it does not know our rules, nor which one was broken.
 */
import type { KeyObject } from "node:crypto";
import {
  BadCertificate,
  type SvidRule,
  type Workload,
  authorityProblem,
  formatSpiffeId,
  svidOf,
  workloadOf,
} from "../../security/mod.ts";
import { type ReadCertificate, readCertificate } from "./certificate.ts";
import { certificatesIn } from "./pem.ts";

/** The longest way from a leaf to an authority that is trusted: leaf, intermediates, authority. */
export const CHAIN_LENGTH_MAX = 5;

/** Somebody whose certificate is good. */
export interface Peer {
  /** `spiffe://<trust domain>/<path>`. */
  readonly id: string;
  readonly path: string;
  /** Who that is in a fleet; undefined for ids that are good and nobody's here. */
  readonly workload: Workload | undefined;
  /** The first moment at which some certificate of the chain is over: connections end before, milliseconds since 1970. */
  readonly expiresAt: number;
  readonly publicKey: KeyObject;
}

/** What a peer is held to. */
export interface PeerExpectation {
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The authorities that are trusted, as PEM. */
  readonly trustBundle: string;
  /** The path that the peer must have, when it was called by name. */
  readonly path?: string | undefined;
}

/**
 * Verifies the certificates that a peer showed, in DER, the leaf first.
 * @throws {BadCertificate} with the first rule that is broken.
 */
export function verifyPeer(shown: readonly Uint8Array[], expected: PeerExpectation): Peer {
  const [first, ...rest] = shown.slice(0, CHAIN_LENGTH_MAX);
  if (first === undefined) throw refused("no-certificate");
  const leaf = readCertificate(first);
  if (leaf === undefined) throw refused("unreadable");
  const svid = svidOf(leaf.facts, expected);
  if (typeof svid === "string") throw refused(svid, leaf);
  const chain = chainOf(leaf, rest, expected);
  if (typeof chain === "string") throw refused(chain, leaf);
  if (expected.path !== undefined && svid.path !== expected.path) throw refused("not-expected", leaf);
  return {
    id: formatSpiffeId(svid),
    path: svid.path,
    workload: workloadOf(svid.path),
    expiresAt: Math.min(...chain.map(({ facts }) => facts.notAfter)),
    publicKey: leaf.x509.publicKey,
  };
}

/** The leaf and those above it up to one that is trusted, or what is wrong with the last that could be found. */
function chainOf(
  leaf: ReadCertificate,
  shown: readonly Uint8Array[],
  expected: PeerExpectation,
): readonly ReadCertificate[] | SvidRule {
  const anchors = bundleOf(expected.trustBundle);
  const offered = shown.map(readCertificate).filter((certificate) => certificate !== undefined);
  const chain = [leaf];
  let problem: SvidRule = "chain";
  for (let below = 0; below < CHAIN_LENGTH_MAX - 1; below += 1) {
    const last = chain.at(-1) ?? leaf;
    for (const anchor of anchors) {
      if (!isSignedBy(last, anchor)) continue;
      const objection = authorityProblem(anchor.facts, below, expected);
      if (objection === undefined) return [...chain, anchor];
      problem = objection;
    }
    const next = offered.find((candidate) => !chain.includes(candidate) && isSignedBy(last, candidate));
    if (next === undefined) return problem;
    const objection = authorityProblem(next.facts, below, expected);
    if (objection !== undefined) return objection;
    chain.push(next);
  }
  return problem;
}

function isSignedBy({ x509 }: ReadCertificate, issuer: ReadCertificate): boolean {
  return x509.checkIssued(issuer.x509) && x509.verify(issuer.x509.publicKey);
}

const BUNDLES_MAX = 8;
const bundles = new Map<string, readonly ReadCertificate[]>();

/** The authorities of a bundle. A process knows one or two bundles at a time. */
function bundleOf(pem: string): readonly ReadCertificate[] {
  const known = bundles.get(pem);
  if (known !== undefined) return known;
  const read = certificatesIn(pem).map(({ der }) => readCertificate(der));
  const bundle = read.filter((certificate) => certificate !== undefined);
  if (bundles.size >= BUNDLES_MAX) bundles.clear();
  bundles.set(pem, bundle);
  return bundle;
}

function refused(rule: SvidRule, leaf?: ReadCertificate): Error {
  const [id] = leaf?.facts.uris ?? [];
  // What cannot be an id is not repeated: it is a stranger's text.
  return BadCertificate.with({ rule, ...(id === undefined || !/^[\x21-\x7e]{1,200}$/.test(id) ? {} : { id }) });
}
