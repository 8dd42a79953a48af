/**
 * The identity of workloads from files that somebody else writes and renews: a local fleet's supervisor, a SPIRE agent,
 * cert-manager. The files are read again and again; watching them would miss replaced folders and network drives.
 * Nothing is kept beside the files: a process that starts again reads them.
 */
import type { WorkloadCredentials, WorkloadIdentity } from "../../security/mod.ts";
import type { Clock, Logger, Timer } from "../../std/mod.ts";
import { type CredentialTexts, type WorkloadFiles, readCredentials, readTexts } from "./credential-files.ts";

/** How often files are read again unless said, in milliseconds: certificates live for minutes at the least. */
const REREAD_MS = 5_000;

/** What a {@link FilesIdentity} is made of. */
export interface FilesIdentityOptions {
  readonly trustDomain: string;
  /** The files of each workload of this process, by path (`service/orders`). */
  readonly workloads: ReadonlyMap<string, WorkloadFiles>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often files are read again, in milliseconds; 5,000 unless said. */
  readonly rereadMs?: number;
}

interface Held {
  readonly texts: CredentialTexts;
  readonly credentials: WorkloadCredentials;
}

/** Credentials as the files have them. Close it when it is not needed any more. */
export class FilesIdentity implements WorkloadIdentity {
  readonly trustDomain: string;
  readonly #options: FilesIdentityOptions;
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Set<() => void>();
  /** What was last said to be wrong with a workload's files: said once, not every few seconds. */
  readonly #wrong = new Map<string, string>();
  #timer: Timer | undefined;

  /** @throws when some workload has no credentials that are good now: with the file that is wrong, and why. */
  constructor(options: FilesIdentityOptions) {
    this.#options = options;
    this.trustDomain = options.trustDomain;
    for (const path of options.workloads.keys()) this.#held.set(path, this.#read(path));
    this.#wait();
  }

  credentials(path: string): WorkloadCredentials {
    const held = this.#held.get(path);
    if (held === undefined) {
      throw new TypeError(`This process is not "${path}": it is ${[...this.#held.keys()].join(", ")}.`);
    }
    if (this.#options.clock.now() > held.credentials.expiresAt) this.reread();
    return (this.#held.get(path) ?? held).credentials;
  }

  onRotate(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files now. What is not good there is passed over, with a warning: what was good before stays. */
  reread(): void {
    let changed = false;
    for (const [path, held] of this.#held) {
      try {
        const read = this.#read(path, held);
        this.#wrong.delete(path);
        this.#held.set(path, read);
        changed ||= read !== held;
      } catch (error) {
        this.#warn(path, error as Error);
      }
    }
    if (changed) for (const listener of this.#listeners) listener();
  }

  /** Reads no more. What is held can still be asked for. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#listeners.clear();
  }

  /** What the files say; what is held already when they say the same. */
  #read(path: string, held?: Held): Held {
    const files = this.#options.workloads.get(path);
    if (files === undefined) throw new TypeError(`There are no files for "${path}".`);
    const texts = readTexts(files);
    if (held !== undefined && isSame(texts, held.texts)) return held;
    const whose = { trustDomain: this.trustDomain, path, now: this.#options.clock.now() };
    return { texts, credentials: readCredentials(files, whose, texts) };
  }

  #warn(path: string, { message }: Error): void {
    if (this.#wrong.get(path) === message) return;
    this.#wrong.set(path, message);
    const held = this.#held.get(path);
    const endsAt = held && new Date(held.credentials.expiresAt).toISOString();
    this.#options.log.warn("credentials were not taken", { workload: path, problem: message, heldUntil: endsAt });
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(this.#options.rereadMs ?? REREAD_MS, () => {
      this.reread();
      this.#wait();
    });
  }
}

function isSame(a: CredentialTexts, b: CredentialTexts): boolean {
  return a.certificates === b.certificates && a.privateKey === b.privateKey && a.trustBundle === b.trustBundle;
}
