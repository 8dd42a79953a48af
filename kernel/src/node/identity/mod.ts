/** node/identity: certificates of workloads: an authority for local fleets, files of others, mutual TLS. */
export { type AuthorityOptions, LocalAuthority, SVID_LIFE_MS } from "./authority.ts";
export {
  type FilesLayout,
  type WhoseCredentials,
  type WorkloadFiles,
  filesOf,
  localFiles,
  readCredentials,
  secretFiles,
  spireFiles,
  writeBundle,
  writeCredentials,
} from "./credential-files.ts";
export { FilesIdentity, type FilesIdentityOptions } from "./files-identity.ts";
export { LocalIdentity, type LocalIdentityOptions } from "./local-identity.ts";
export {
  type ConnectOptions,
  type ListenOptions,
  type PeerConnection,
  type TlsParts,
  admitPeer,
  clientTls,
  connectTls,
  contextOf,
  contextOptions,
  credentialsFor,
  listenTls,
  serverCheck,
  serverTls,
} from "./tls.ts";
export { type Peer, type PeerExpectation, verifyPeer } from "./verify-peer.ts";
export { certificateOpener, workloadSigner } from "./workload-keys.ts";
