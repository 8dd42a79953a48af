/**
 * Keeps the credentials of a local fleet's processes fresh: writes each workload's into its process's folder, renews them
 * at half their life, and brings the bundle to all of them. The only one who asks the authority.
 *
 * Across a crash: what was written stays, and is renewed when its time comes; half a life is left for a supervisor to
 * come back before anybody is without.
 */
import { readFileSync } from "node:fs";
import type { Clock, Logger, Timer } from "../../std/mod.ts";
import { type LocalAuthority, SVID_LIFE_MS } from "./authority.ts";
import { localFiles, readCredentials, writeBundle, writeCredentials } from "./credential-files.ts";
import { certificatesIn } from "./pem.ts";
import { readCertificate } from "./certificate.ts";

/** How often it is looked whether something is due, in milliseconds, unless lives are shorter. */
const LOOK_MS = 10_000;

/** A workload, and where its process looks for its credentials. */
export interface KeptWorkload {
  readonly path: string;
  /** A folder that only this process's user may enter. Several workloads of one process share it. */
  readonly folder: string;
}

/** What a {@link CredentialsKeeper} is made of. */
export interface KeeperOptions {
  readonly authority: LocalAuthority;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long each SVID lives, in milliseconds; an hour unless said. */
  readonly lifeMs?: number;
}

/** Writes and renews credentials until it is stopped. */
export class CredentialsKeeper {
  readonly #options: KeeperOptions;
  readonly #lifeMs: number;
  readonly #kept = new Map<string, { readonly workload: KeptWorkload; renewAt: number }>();
  #timer: Timer | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#lifeMs = options.lifeMs ?? SVID_LIFE_MS;
    this.#wait();
  }

  /** Writes a workload's credentials unless good ones are there already, and keeps them fresh. To be called before its process starts. */
  keep(workload: KeptWorkload): void {
    const kept = { workload, renewAt: this.#renewAtOf(workload) };
    this.#kept.set(nameOf(workload), kept);
    this.#renewIfDue(kept);
  }

  /** Renews a workload no more. Its files stay: a process may still end with them. */
  drop(workload: KeptWorkload): void {
    this.#kept.delete(nameOf(workload));
  }

  /** Renews everything now, whatever is left of it. */
  renewAll(): void {
    for (const kept of this.#kept.values()) {
      kept.renewAt = 0;
      this.#renewIfDue(kept);
    }
  }

  /** Renews what is due, and writes the bundle where it is another. Happens by itself every few seconds. */
  look(): void {
    for (const kept of this.#kept.values()) {
      try {
        this.#renewIfDue(kept);
      } catch (error) {
        const { path, folder } = kept.workload;
        this.#options.log.error("credentials could not be renewed", { workload: path, folder, error });
      }
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #renewIfDue(kept: { readonly workload: KeptWorkload; renewAt: number }): void {
    const { authority, clock } = this.#options;
    const { path, folder } = kept.workload;
    const now = clock.now();
    if (now < kept.renewAt) {
      writeBundle(folder, authority.trustBundle);
      return;
    }
    const credentials = authority.issue(path, this.#lifeMs);
    writeCredentials(folder, path, credentials);
    kept.renewAt = now + (credentials.expiresAt - now) / 2;
  }

  /** When what is there already has lived for half its time; 0 when it is not good. */
  #renewAtOf({ path, folder }: KeptWorkload): number {
    const { authority, clock } = this.#options;
    try {
      const files = localFiles(folder, path);
      readCredentials(files, { trustDomain: authority.trustDomain, path, now: clock.now() });
      const [leaf] = certificatesIn(readFileSync(files.certificates, "utf8"));
      const facts = leaf && readCertificate(leaf.der)?.facts;
      return facts === undefined ? 0 : (facts.notBefore + facts.notAfter) / 2;
    } catch {
      return 0;
    }
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(Math.min(LOOK_MS, this.#lifeMs / 20), () => {
      this.look();
      this.#wait();
    });
  }
}

function nameOf({ path, folder }: KeptWorkload): string {
  return `${folder}\n${path}`;
}
