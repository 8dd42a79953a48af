/**
 * Where the credentials of a workload stand on disk. A reader never meets half of them: what `writeCredentials` makes is
 * one file for the certificates and their key; of those that others write as two files, a pair that does not fit together
 * is not taken.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type WorkloadCredentials, formatSpiffeId } from "../../security/mod.ts";
import { PRIVATE_MODE, PUBLIC_MODE, makePrivateFolder, replaceFile } from "./atomic-file.ts";
import { certificatesIn, readPem } from "./pem.ts";
import { verifyPeer } from "./verify-peer.ts";

/** The files of one workload, as absolute paths. All are PEM. */
export interface WorkloadFiles {
  /** The leaf, then intermediates. */
  readonly certificates: string;
  /** The leaf's key; it may be the same file. */
  readonly privateKey: string;
  /** The authorities that are trusted. */
  readonly trustBundle: string;
}

/** The files that a local fleet's supervisor writes: `service-orders.pem` and `bundle.pem`. */
export function localFiles(folder: string, path: string): WorkloadFiles {
  const own = join(folder, `${path.replaceAll("/", "-")}.pem`);
  return { certificates: own, privateKey: own, trustBundle: join(folder, "bundle.pem") };
}

/** The files of a Kubernetes secret of type `kubernetes.io/tls`, as cert-manager fills it. */
export function secretFiles(folder: string): WorkloadFiles {
  return {
    certificates: join(folder, "tls.crt"),
    privateKey: join(folder, "tls.key"),
    trustBundle: join(folder, "ca.crt"),
  };
}

/** The files that `spiffe-helper` and `spire-agent api fetch x509 -write` make. */
export function spireFiles(folder: string, names: "helper" | "agent" = "helper"): WorkloadFiles {
  const [svid, key, bundle] =
    names === "helper" ? ["svid", "svid_key", "svid_bundle"] : ["svid.0", "svid.0", "bundle.0"];
  const keyFile = names === "helper" ? `${key}.pem` : `${key}.key`;
  return {
    certificates: join(folder, `${svid}.pem`),
    privateKey: join(folder, keyFile),
    trustBundle: join(folder, `${bundle}.pem`),
  };
}

/** Who writes the files of workloads, and so how they are named. Each workload but a local fleet's has a folder of its own. */
export type FilesLayout = "local" | "secret" | "spiffe-helper" | "spire-agent";

/** The files of a workload of a process, in the folder of all: those of `service/orders` are in `service-orders`. */
export function filesOf(folder: string, path: string, layout: FilesLayout): WorkloadFiles {
  const own = join(folder, path.replaceAll("/", "-"));
  switch (layout) {
    case "local":
      return localFiles(folder, path);
    case "secret":
      return secretFiles(own);
    case "spiffe-helper":
      return spireFiles(own, "helper");
    case "spire-agent":
      return spireFiles(own, "agent");
  }
}

/** Writes credentials where {@link localFiles} finds them: the bundle first, for the leaf may be of a new authority. */
export function writeCredentials(folder: string, path: string, credentials: WorkloadCredentials): void {
  const files = localFiles(folder, path);
  makePrivateFolder(folder);
  writeBundle(folder, credentials.trustBundle);
  replaceFile(files.certificates, credentials.certificateChain + credentials.privateKey, PRIVATE_MODE);
}

/** Writes the bundle alone, when it is another than what is there. */
export function writeBundle(folder: string, trustBundle: string): void {
  const file = join(folder, "bundle.pem");
  if (textOf(file) !== trustBundle) replaceFile(file, trustBundle, PUBLIC_MODE);
}

/** What stands in a workload's files. */
export interface CredentialTexts {
  readonly certificates: string;
  readonly privateKey: string;
  readonly trustBundle: string;
}

/** Reads the files, without looking at what is in them. @throws the system's errors. */
export function readTexts(files: WorkloadFiles): CredentialTexts {
  const certificates = readFileSync(files.certificates, "utf8");
  const isOne = files.privateKey === files.certificates;
  const privateKey = isOne ? certificates : readFileSync(files.privateKey, "utf8");
  return { certificates, privateKey, trustBundle: readFileSync(files.trustBundle, "utf8") };
}

/** Whose credentials are read, and when. */
export interface WhoseCredentials {
  readonly trustDomain: string;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Reads credentials, and holds them to what a peer would: better here and now than at each connection.
 * @throws {BadCertificate}, and errors that name the file which is not there or does not fit.
 */
export function readCredentials(
  files: WorkloadFiles,
  { trustDomain, path, now }: WhoseCredentials,
  texts: CredentialTexts = readTexts(files),
): WorkloadCredentials {
  const chain = certificatesIn(texts.certificates);
  const key = readPem(texts.privateKey).find(({ label }) => label.endsWith("PRIVATE KEY"));
  const bundle = certificatesIn(texts.trustBundle);
  const [leaf] = chain;
  if (leaf === undefined) throw new TypeError(`${files.certificates} has no certificate in it.`);
  if (key === undefined) throw new TypeError(`${files.privateKey} has no private key in it.`);
  if (bundle.length === 0) throw new TypeError(`${files.trustBundle} has no certificate in it.`);
  if (!new X509Certificate(leaf.der).checkPrivateKey(createPrivateKey(key.text))) {
    throw new TypeError(`${files.privateKey} is not the key of the certificate in ${files.certificates}.`);
  }
  const trustBundle = bundle.map(({ text }) => text).join("");
  const shown = chain.map(({ der }) => der);
  const { expiresAt } = verifyPeer(shown, { trustDomain, trustBundle, now, path });
  return {
    id: formatSpiffeId({ trustDomain, path }),
    certificateChain: chain.map(({ text }) => text).join(""),
    privateKey: key.text,
    trustBundle,
    expiresAt,
  };
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
