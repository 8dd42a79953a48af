/** NATS over mutual TLS: who is who comes from certificates. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { BrokerRefused } from "../../events/mod.ts";
import { runOf } from "../../events/testing/conformance.ts";
import { systemClock } from "../clock.ts";
import { findProgram, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { inboxOf, jetStreamBroker, makeStreams, usersConfiguration } from "./mod.ts";
import { SKIP, linked, tempFolder } from "./testing/setup.ts";

const skip = SKIP === false && findProgram("openssl") === undefined ? "openssl is not installed" : SKIP;
const [clock, random] = [systemClock(), systemRandom()];
const uriOf = (name: string): string => `spiffe://shop.test/${name}`;

describe("NATS with certificates", { skip }, () => {
  test("a service is the user that its certificate names, and nobody without one gets in", async (context) => {
    const folder = tempFolder();
    const authority = makeAuthority(folder, "ca");
    const server = await startNats({
      folder,
      tls: { ...issue(folder, "server", "DNS:nats.shop.test"), authority, mapsUsers: true },
      configuration: usersConfiguration({
        operator: { uri: uriOf("operator") },
        services: [
          { service: "shop", hears: [], proof: { uri: uriOf("service/shop") } },
          { service: "desk", hears: [], proof: { uri: uriOf("service/desk") } },
        ],
      }),
    });
    context.after(() => server.stop("SIGKILL"));
    const linkOf = (name: string, uri: string) => {
      const { certificate, key } = issue(folder, name, `URI:${uri}`);
      const tls = {
        authority: text(authority),
        serverName: "nats.shop.test",
        certificate: text(certificate),
        key: text(key),
      };
      return linked([server.port], { tls, inboxPrefix: inboxOf(name) });
    };
    const [operator, shop] = [await linkOf("operator", uriOf("operator")), await linkOf("shop", uriOf("service/shop"))];
    context.after(() => Promise.all([operator.close(), shop.close()]));
    await makeStreams(operator, ["shop", "desk"]);
    const broker = jetStreamBroker({ link: shop, clock, random });
    assert.equal(await broker.append(runOf(0, 2)), 2);
    await assert.rejects(broker.append(runOf(0, 2, { service: "desk" })), BrokerRefused.is);

    const stranger = makeAuthority(folder, "other");
    const forged = issue(folder, "forged", `URI:${uriOf("service/shop")}`, "other");
    const unknown = issue(folder, "unknown", `URI:${uriOf("service/unknown")}`);
    const port = server.port;
    const known = { ca: text(authority), servername: "nats.shop.test" };
    const own = issue(folder, "own", `URI:${uriOf("service/shop")}`);
    for (const tls of [
      known,
      { ...known, cert: text(forged.certificate), key: text(forged.key) },
      { ...known, cert: text(unknown.certificate), key: text(unknown.key) },
      // The other way round: a server that another authority vouches for, or that has another name.
      { ...known, ca: text(stranger), cert: text(own.certificate), key: text(own.key) },
      { ...known, servername: "other.shop.test", cert: text(own.certificate), key: text(own.key) },
    ]) {
      await assert.rejects(connect({ port, tls, reconnect: false, timeout: 3_000 }));
    }
    const fine = await connect({ port, tls: { ...known, cert: text(own.certificate), key: text(own.key) } });
    await fine.close();
    await assert.rejects(connect({ port, tls: null, reconnect: false, timeout: 3_000 }));
  });
});

const text = (path: string): string => readFileSync(path, "utf8");

const openssl = (folder: string, ...options: readonly string[]): void => {
  execFileSync("openssl", options, { cwd: folder, stdio: "ignore" });
};

function makeAuthority(folder: string, name: string): string {
  const about = ["-subj", `/CN=${name}`, "-days", "1", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.pem`];
  openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", ...about);
  return join(folder, `${name}.pem`);
}

function issue(folder: string, name: string, alternative: string, authority = "ca") {
  const request = ["-subj", `/CN=${name}`, "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`];
  openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", ...request);
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${alternative}\n`);
  const signed = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial", "-days", "1"];
  openssl(folder, "x509", "-req", "-in", `${name}.csr`, ...signed, "-extfile", `${name}.ext`, "-out", `${name}.pem`);
  return { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}
