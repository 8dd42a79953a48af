/** The local authority as the giver of identities to a local fleet's processes. */
import { join } from "node:path";
import type { Clock } from "../../std/mod.ts";
import { ROOT_POLICY_DEFAULT } from "../../security/mod.ts";
import type { CredentialsWriter } from "../fleet/mod.ts";
import { LocalAuthority, SVID_LIFE_MS, writeCredentials } from "../identity/mod.ts";

/** What identities are given by. */
export interface LocalCredentialsOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** How long each certificate lives, in milliseconds; an hour unless said. */
  readonly lifeMs?: number;
}

/** However long certificates live: soon enough for everybody to trust a new root before it signs anything. */
const BUNDLE_MS = ROOT_POLICY_DEFAULT.publishMs / 2;

/** Makes the authority on first use; the supervisor alone holds its key. */
export function localCredentials({
  folder,
  trustDomain,
  clock,
  lifeMs = SVID_LIFE_MS,
}: LocalCredentialsOptions): CredentialsWriter {
  const authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain, clock });
  return {
    trustDomain,
    write(to, workloads) {
      const now = clock.now();
      for (const path of workloads) writeCredentials(to, path, authority.issue(path, lifeMs));
      return Promise.resolve({ renewAt: now + Math.min(lifeMs / 2, BUNDLE_MS) });
    },
  };
}
