/**
 * Who a process is to others: X.509-SVIDs (SPIFFE), one for each service in it.
 *
 * The port: credentials are asked for at each new connection, so that what was rotated meanwhile is used at once.
 */

/** What a workload proves who it is with. All of it is PEM. */
export interface WorkloadCredentials {
  /** `spiffe://<trust domain>/service/<name>`, `…/gateway` or `…/operator`. */
  readonly id: string;
  /** The leaf, then intermediates. */
  readonly certificateChain: string;
  readonly privateKey: string;
  /** The certificates of the authorities that are trusted now; two while one takes over from another. */
  readonly trustBundle: string;
  /** When the leaf ends, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Where a process gets its credentials from: a local authority, or one of the deployment. */
export interface WorkloadIdentity {
  readonly trustDomain: string;
  /** The credentials of a workload in this process: `service/orders`, `gateway`. @throws when it is not one of them. */
  credentials(path: string): WorkloadCredentials;
  /** Calls the listener when credentials or the bundle changed. Returns what ends it. */
  onRotate(listener: () => void): () => void;
}
