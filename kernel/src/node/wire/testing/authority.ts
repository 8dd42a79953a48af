/** An authority for tests, made with the `openssl` command: certificates of workloads that end when the test wants. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkloadCredentials, WorkloadIdentity } from "../../../security/mod.ts";

const DAY_MS = 86_400_000;

/** The trust domain of tests. */
export const TRUST_DOMAIN = "test.isomer";

const CONFIG = `
[ca]
default_ca = authority
[authority]
new_certs_dir = ./issued
database = ./index.txt
serial = ./serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = optional
[req]
distinguished_name = any
prompt = no
`;

const LEAF = `
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
`;

/** An authority that issues whatever it is asked to. */
export class TestAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), "isomer-authority-"));
  #issued = 0;

  constructor() {
    mkdirSync(join(this.#folder, "issued"));
    writeFileSync(join(this.#folder, "openssl.cnf"), CONFIG);
    writeFileSync(join(this.#folder, "index.txt"), "");
    writeFileSync(join(this.#folder, "serial"), "1000\n");
    this.#key("authority");
    this.#openssl(
      ...["req", "-x509", "-new", "-config", "openssl.cnf", "-key", "authority.key", "-out", "authority.pem"],
      ...["-days", "2", "-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:true"],
      ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    );
  }

  /** The certificate of the authority, PEM. */
  get bundle(): string {
    return this.#read("authority.pem");
  }

  /** Credentials of a workload that end `lifeMs` from now. */
  issue(path: string, lifeMs = DAY_MS): WorkloadCredentials {
    const name = `leaf-${(this.#issued += 1)}`;
    const id = `spiffe://${TRUST_DOMAIN}/${path}`;
    const expiresAt = Math.floor((Date.now() + lifeMs) / 1_000) * 1_000;
    this.#key(name);
    writeFileSync(join(this.#folder, `${name}.ext`), `${LEAF}subjectAltName = critical, URI:${id}\n`);
    this.#openssl(
      "req",
      "-new",
      "-config",
      "openssl.cnf",
      "-key",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
    );
    this.#openssl(
      ...["ca", "-batch", "-notext", "-config", "openssl.cnf", "-in", `${name}.csr`, "-out", `${name}.pem`],
      ...["-cert", "authority.pem", "-keyfile", "authority.key", "-extfile", `${name}.ext`],
      ...["-startdate", momentOf(Date.now() - DAY_MS), "-enddate", momentOf(expiresAt)],
    );
    const [certificateChain, privateKey] = [this.#read(`${name}.pem`), this.#read(`${name}.key`)];
    return { id, certificateChain, privateKey, trustBundle: this.bundle, expiresAt };
  }

  /** An identity with these workloads. */
  identity(...paths: readonly string[]): TestIdentity {
    return new TestIdentity(new Map(paths.map((path) => [path, this.issue(path)])));
  }

  /** Throws its keys away. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #key(name: string): void {
    this.#openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", `${name}.key`);
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), "utf8");
  }

  #openssl(...options: readonly string[]): void {
    execFileSync("openssl", options, { cwd: this.#folder, stdio: "pipe" });
  }
}

function momentOf(epochMs: number): string {
  return `${new Date(epochMs).toISOString().replaceAll(/[-:T]|\.\d+Z$/g, "")}Z`;
}

/** Credentials that a test can exchange. */
export class TestIdentity implements WorkloadIdentity {
  readonly trustDomain = TRUST_DOMAIN;
  readonly #held: Map<string, WorkloadCredentials>;
  readonly #listeners = new Set<() => void>();

  constructor(held: Map<string, WorkloadCredentials>) {
    this.#held = held;
  }

  credentials(path: string): WorkloadCredentials {
    const held = this.#held.get(path);
    if (held === undefined) throw new Error(`"${path}" is not a workload of this process.`);
    return held;
  }

  onRotate(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Exchanges the credentials of a workload. */
  rotate(path: string, credentials: WorkloadCredentials): void {
    this.#held.set(path, credentials);
    for (const listener of this.#listeners) listener();
  }
}
