/** Certificates of NATS are renewed while events flow: none is lost, no publishing fails, and who connects later is shown new ones. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runOf } from "../../events/testing/conformance.ts";
import { type WorkloadCredentials, serverNameOf } from "../../security/mod.ts";
import { systemClock } from "../clock.ts";
import { startNats } from "../engines/mod.ts";
import { LocalAuthority } from "../identity/mod.ts";
import { systemRandom } from "../random.ts";
import { type NatsTls, inboxOf, jetStreamBroker, makeStreams, usersConfiguration } from "./mod.ts";
import { SKIP, linked, tempFolder, until } from "./testing/setup.ts";

const [clock, random] = [systemClock(), systemRandom()];
const trustDomain = "shop.test";
const uriOf = (path: string): string => `spiffe://${trustDomain}/${path}`;
const SERVER = "nats";
/** Certificates of the first generation; those that follow live for an hour. */
const FIRST_MS = 4_000;

/** What workloads have now, renewed by hand. */
class Renewed {
  readonly #authority: LocalAuthority;
  readonly #folder: string;
  readonly #now = new Map<string, WorkloadCredentials>();
  readonly files: { readonly certificate: string; readonly key: string; readonly authority: string };

  constructor(folder: string) {
    this.#folder = folder;
    this.#authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain, clock });
    const at = (name: string): string => join(folder, name);
    this.files = { certificate: at("server.pem"), key: at("server.key"), authority: at("bundle.pem") };
  }

  renew(paths: readonly string[], lifeMs: number): void {
    for (const path of paths) this.#now.set(path, this.#authority.issue(path, lifeMs));
    const { certificateChain, privateKey, trustBundle } = this.of(SERVER);
    writeFileSync(this.files.certificate, certificateChain);
    writeFileSync(this.files.key, privateKey, { mode: 0o600 });
    writeFileSync(this.files.authority, trustBundle);
  }

  of(path: string): WorkloadCredentials {
    return this.#now.get(path) ?? assert.fail(`${this.#folder}: nobody renewed ${path}`);
  }

  tlsOf(path: string): NatsTls {
    const { certificateChain: certificate, privateKey: key, trustBundle: authority } = this.of(path);
    return { authority, certificate, key, serverName: serverNameOf({ trustDomain, path: SERVER }) };
  }
}

describe("certificates of NATS", { skip: SKIP }, () => {
  test("are renewed under load, and taken at each new connection", { timeout: 60_000 }, async (context) => {
    const folder = tempFolder();
    const renewed = new Renewed(folder);
    const [operatorPath, shopPath] = ["operator", "service/shop"];
    renewed.renew([SERVER, operatorPath, shopPath], FIRST_MS);
    const firstEndsAt = Math.max(...[SERVER, shopPath].map((path) => renewed.of(path).expiresAt));
    const server = await startNats({
      folder,
      tls: { ...renewed.files, mapsUsers: true },
      configuration: usersConfiguration({
        operator: { uri: uriOf(operatorPath) },
        services: [{ service: "shop", hears: ["shop"], proof: { uri: uriOf(shopPath) } }],
      }),
    });
    context.after(() => server.stop("SIGKILL"));
    const linkOf = (path: string, name: string) =>
      linked([server.port], { tls: () => renewed.tlsOf(path), inboxPrefix: inboxOf(name) });
    const [operator, shop] = [await linkOf(operatorPath, "operator"), await linkOf(shopPath, "shop")];
    await makeStreams(operator, ["shop"]);
    const broker = jetStreamBroker({ link: shop, clock, random });
    context.after(() => {
      broker.close();
      return Promise.all([operator.close(), shop.close()]);
    });
    let [position, lost] = [0, 0];
    shop.onDown(() => (lost += 1));
    /** Publishes until something holds; each failure would reject. */
    const publish = async (holds: () => boolean): Promise<void> => {
      while (!holds()) position = await broker.append(runOf(position, position + 1));
    };

    await publish(() => position === 10);
    renewed.renew([SERVER, operatorPath, shopPath], 3_600_000);
    server.reload();
    await publish(() => clock.now() > firstEndsAt);
    assert.equal(lost, 0, "nobody lost a connection by the renewal");

    // What was good at the start is over: who connects now must be shown what was renewed, and show it.
    const late = await linkOf(shopPath, "shop");
    await late.close();
    await shop.connection().reconnect();
    await until(() => lost === 1 && shop.isUp);
    const before = position;
    await publish(() => position === before + 10);
    let count = 0;
    const source = broker.source("shop");
    for (let after = 0; after < position;) {
      const { events, upTo } = await source.read({ after, limit: 500 });
      [count, after] = [count + events.length, upTo];
    }
    assert.equal(count, position, "what was published is there, once");
  });
});
