/** Signs and verifies by the keys of SVIDs: what transaction tokens need of certificates. Nothing is kept on disk. */
import { createPrivateKey, sign, verify } from "node:crypto";
import type {
  OpenCertificates,
  WorkloadCredentials,
  WorkloadIdentity,
  WorkloadKey,
  WorkloadSigner,
} from "../../security/mod.ts";
import { RecentMap } from "../../security/mod.ts";
import type { Clock } from "../../std/mod.ts";
import { certificatesIn } from "./pem.ts";
import { verifyPeer } from "./verify-peer.ts";

const RAW = "ieee-p1363";
/** How many certificates of others are remembered: gateways, and those that they rotated from. */
const KNOWN_MAX = 64;

/** The signer of a workload of this process: asked each time, so that it signs with the key of the moment. */
export function workloadSigner(identity: WorkloadIdentity, path: string): () => WorkloadSigner {
  let last: { readonly from: WorkloadCredentials; readonly signer: WorkloadSigner } | undefined;
  return () => {
    const from = identity.credentials(path);
    if (last?.from !== from) last = { from, signer: signerOf(from) };
    return last.signer;
  };
}

function signerOf({ id, certificateChain, privateKey, expiresAt }: WorkloadCredentials): WorkloadSigner {
  const key = createPrivateKey(privateKey);
  return {
    id,
    x5c: certificatesIn(certificateChain).map(({ der }) => Buffer.from(der).toString("base64")),
    expiresAt,
    sign: (data) => new Uint8Array(sign("sha256", data, { key, dsaEncoding: RAW })),
  };
}

/**
 * Opens certificates that came with a token. The bundle is that of a workload of this process, as it is now; what was
 * good is remembered until it expires or the bundle is another.
 */
export function certificateOpener(
  identity: WorkloadIdentity,
  path: string,
  clock: Pick<Clock, "now">,
): OpenCertificates {
  let known = new RecentMap<{ readonly key: WorkloadKey; readonly expiresAt: number }>(KNOWN_MAX);
  let bundle = "";
  return (x5c) => {
    const { trustBundle } = identity.credentials(path);
    if (trustBundle !== bundle) {
      known = new RecentMap(KNOWN_MAX);
      bundle = trustBundle;
    }
    const now = clock.now();
    const name = x5c.join();
    const found = known.get(name);
    if (found !== undefined && now <= found.expiresAt) return found.key;
    try {
      const shown = x5c.map((text) => new Uint8Array(Buffer.from(text, "base64")));
      const { id, publicKey, expiresAt } = verifyPeer(shown, { trustDomain: identity.trustDomain, trustBundle, now });
      if (publicKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") return undefined;
      const key: WorkloadKey = {
        id,
        verify: (data, signature) => verify("sha256", data, { key: publicKey, dsaEncoding: RAW }, signature),
      };
      known.set(name, { key, expiresAt });
      return key;
    } catch {
      // Strangers' certificates are not good: that is an answer.
      return undefined;
    }
  };
}
