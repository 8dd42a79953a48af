/**
 * The identity of workloads in the process that holds the authority itself: tests, and a fleet of one. Nothing is
 * written; after a crash all is issued anew.
 */
import type { WorkloadCredentials, WorkloadIdentity } from "../../security/mod.ts";
import type { Clock } from "../../std/mod.ts";
import { type LocalAuthority, SVID_LIFE_MS } from "./authority.ts";

/** What a {@link LocalIdentity} is made of. */
export interface LocalIdentityOptions {
  readonly authority: LocalAuthority;
  /** The workloads of this process: `service/orders`, `gateway`. */
  readonly paths: readonly string[];
  readonly clock: Pick<Clock, "now">;
  /** How long each SVID lives, in milliseconds; an hour unless said. */
  readonly lifeMs?: number;
}

/** Credentials that are issued when they are asked for, and again after half their life. */
export class LocalIdentity implements WorkloadIdentity {
  readonly trustDomain: string;
  readonly #options: LocalIdentityOptions;
  readonly #held = new Map<string, { readonly credentials: WorkloadCredentials; readonly renewAt: number }>();
  readonly #listeners = new Set<() => void>();

  constructor(options: LocalIdentityOptions) {
    this.#options = options;
    this.trustDomain = options.authority.trustDomain;
  }

  credentials(path: string): WorkloadCredentials {
    const { authority, clock, paths, lifeMs = SVID_LIFE_MS } = this.#options;
    if (!paths.includes(path)) throw new TypeError(`This process is not "${path}": it is ${paths.join(", ")}.`);
    const now = clock.now();
    const held = this.#held.get(path);
    if (held !== undefined && now < held.renewAt) return held.credentials;
    const credentials = authority.issue(path, lifeMs);
    this.#held.set(path, { credentials, renewAt: now + (credentials.expiresAt - now) / 2 });
    if (held !== undefined) this.#tell();
    return credentials;
  }

  /** Has everything issued anew, as after half its life. */
  renew(): void {
    this.#held.clear();
    this.#tell();
  }

  onRotate(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
