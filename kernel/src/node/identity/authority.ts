/**
 * A local authority: makes its root on first use in a folder, and issues X.509-SVIDs. One process of a fleet holds it, the
 * supervisor; no host ever sees its key.
 *
 * Across a crash: a root is there whole or not at all, and of two processes that make one at once the first wins, for the
 * other reads what is there. What was issued is not kept: whoever needs it asks again.
 */
import { type KeyObject, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  ROOT_POLICY_DEFAULT,
  type RootPolicy,
  type RootRecord,
  type WorkloadCredentials,
  formatSpiffeId,
  isTrustDomain,
  planRoots,
  serverNameOf,
} from "../../security/mod.ts";
import type { Clock } from "../../std/mod.ts";
import { PRIVATE_MODE, makeFile, makePrivateFolder } from "./atomic-file.ts";
import { readCertificate } from "./certificate.ts";
import { makeCertificate } from "./make-certificate.ts";
import { certificatePem, readPem } from "./pem.ts";

/** How long an SVID lives unless said, in milliseconds: an hour. */
export const SVID_LIFE_MS = 3_600_000;
/** How far the clocks of a fleet may be apart: certificates begin this long before they are made, in milliseconds. */
const SKEW_MS = 60_000;
const ROOT_FILE = /^root-(\d{1,6})\.pem$/;

/** What a {@link LocalAuthority} is made of. */
export interface AuthorityOptions {
  /** Where its roots are kept. Made when it is not there; only its owner may enter. */
  readonly folder: string;
  /** `shop.internal`, for example: `a-z`, `0-9`, `.`, `-`, `_`. */
  readonly trustDomain: string;
  readonly clock: Pick<Clock, "now">;
  /** {@link ROOT_POLICY_DEFAULT} unless said. */
  readonly policy?: RootPolicy;
}

interface Root extends RootRecord {
  readonly subject: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificate: string;
}

/** An authority whose keys are files. */
export class LocalAuthority {
  readonly trustDomain: string;
  readonly #folder: string;
  readonly #clock: Pick<Clock, "now">;
  readonly #policy: RootPolicy;
  readonly #read = new Map<number, Root>();

  /** @throws {TypeError} when the trust domain is no name for one, or the folder's roots are of another. */
  constructor({ folder, trustDomain, clock, policy }: AuthorityOptions) {
    if (!isTrustDomain(trustDomain)) {
      throw new TypeError(`"${trustDomain}" is no trust domain: use a-z, 0-9, dots, minus and underscore.`);
    }
    this.trustDomain = trustDomain;
    this.#folder = folder;
    this.#clock = clock;
    this.#policy = policy ?? ROOT_POLICY_DEFAULT;
    makePrivateFolder(folder);
    this.#current();
  }

  /** The certificates of the roots that are trusted now, as PEM: two while one takes over from another. */
  get trustBundle(): string {
    return this.#current().bundle;
  }

  /**
   * Issues an SVID, with a key made for it.
   * @param path `service/orders`, `gateway`, `operator`.
   * @param lifeMs An hour unless said; a day at the most.
   */
  issue(path: string, lifeMs: number = SVID_LIFE_MS): WorkloadCredentials {
    const { signer, bundle } = this.#current();
    const id = formatSpiffeId({ trustDomain: this.trustDomain, path });
    const now = this.#clock.now();
    const expiresAt = wholeSeconds(Math.min(now + Math.min(lifeMs, this.#policy.leafLifeMaxMs), signer.expiresAt));
    const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const leaf = makeCertificate(
      {
        subject: path.slice(0, 64),
        publicKey: keys.publicKey,
        uris: [id],
        dnsNames: [serverNameOf({ trustDomain: this.trustDomain, path })],
        notBefore: now - SKEW_MS,
        notAfter: expiresAt,
      },
      signer,
    );
    return {
      id,
      certificateChain: certificatePem(leaf),
      privateKey: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      trustBundle: bundle,
      expiresAt,
    };
  }

  /** Makes a new root now. It is trusted at once, and signs when hosts had time to read it. Returns its generation. */
  roll(): number {
    const newest = Math.max(0, ...this.#roots().map(({ generation }) => generation));
    this.#make(newest + 1);
    return newest + 1;
  }

  #current(): { readonly signer: Root; readonly bundle: string } {
    let roots = this.#roots();
    let plan = planRoots(roots, this.#clock.now(), this.#policy);
    if (plan.makeNext) {
      this.#make(Math.max(0, ...roots.map(({ generation }) => generation)) + 1);
      roots = this.#roots();
      plan = planRoots(roots, this.#clock.now(), this.#policy);
    }
    for (const generation of plan.retire) rmSync(this.#fileOf(generation), { force: true });
    const signer = roots.find(({ generation }) => generation === plan.signer);
    if (signer === undefined) throw new Error(`The authority in ${this.#folder} has no root that is valid now.`);
    const trusted = roots.filter(({ generation }) => plan.trusted.includes(generation));
    return { signer, bundle: trusted.map(({ certificate }) => certificate).join("") };
  }

  /** The roots on disk: another process may have made or retired one. */
  #roots(): readonly Root[] {
    const found = readdirSync(this.#folder).flatMap((name) => {
      const [, generation] = ROOT_FILE.exec(name) ?? [];
      return generation === undefined ? [] : [Number(generation)];
    });
    for (const known of this.#read.keys()) if (!found.includes(known)) this.#read.delete(known);
    return found.map((generation) => {
      const root = this.#read.get(generation) ?? this.#readRoot(generation);
      this.#read.set(generation, root);
      return root;
    });
  }

  #make(generation: number): void {
    const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const now = this.#clock.now();
    const subject = `Isomer authority ${generation} of ${this.trustDomain}`.slice(0, 64);
    const certificate = makeCertificate(
      {
        subject,
        publicKey: keys.publicKey,
        uris: [`spiffe://${this.trustDomain}`],
        notBefore: now - SKEW_MS,
        notAfter: now + this.#policy.lifeMs,
        authority: { intermediatesMax: 0 },
      },
      { subject, ...keys },
    );
    const key = keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    // Whoever comes second reads what the first has made.
    makeFile(this.#fileOf(generation), certificatePem(certificate) + key, PRIVATE_MODE);
  }

  #readRoot(generation: number): Root {
    const file = this.#fileOf(generation);
    const blocks = readPem(readFileSync(file, "utf8"));
    const certificate = blocks.find(({ label }) => label === "CERTIFICATE");
    const key = blocks.find(({ label }) => label === "PRIVATE KEY");
    const read = certificate && readCertificate(certificate.der);
    if (certificate === undefined || key === undefined || read === undefined) {
      throw new TypeError(`${file} is no root of an authority. Restore it, or remove it to have a new one made.`);
    }
    if (!read.facts.uris.includes(`spiffe://${this.trustDomain}`)) {
      throw new TypeError(`${file} is of the trust domain "${read.facts.uris[0]}", not of "${this.trustDomain}".`);
    }
    return {
      generation,
      madeAt: read.facts.notBefore + SKEW_MS,
      expiresAt: read.facts.notAfter,
      subject: read.x509.subject.replace(/^CN=/, ""),
      privateKey: createPrivateKey(key.text),
      publicKey: read.x509.publicKey,
      certificate: certificate.text,
    };
  }

  #fileOf(generation: number): string {
    return join(this.#folder, `root-${generation}.pem`);
  }
}

function wholeSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1_000) * 1_000;
}
