/** node/identity: certificates of workloads: an authority for local fleets, files of others, mutual TLS. */
export { type AuthorityOptions, LocalAuthority, SVID_LIFE_MS } from "./authority.ts";
export {
  type WhoseCredentials,
  type WorkloadFiles,
  localFiles,
  readCredentials,
  secretFiles,
  spireFiles,
  writeCredentials,
} from "./credential-files.ts";
export { FilesIdentity, type FilesIdentityOptions } from "./files-identity.ts";
export { CredentialsKeeper, type KeeperOptions, type KeptWorkload } from "./keeper.ts";
export { LocalIdentity, type LocalIdentityOptions } from "./local-identity.ts";
export {
  type ConnectOptions,
  type ListenOptions,
  type PeerConnection,
  type TlsParts,
  admitPeer,
  clientTls,
  connectTls,
  listenTls,
  serverTls,
} from "./tls.ts";
export { type Peer, type PeerExpectation, verifyPeer } from "./verify-peer.ts";
export { certificateOpener, workloadSigner } from "./workload-keys.ts";
