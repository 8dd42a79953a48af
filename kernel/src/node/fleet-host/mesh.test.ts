import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Metrics } from "../../observe/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import type { Registry } from "../../transport/mod.ts";
import { calleeSystem } from "../../transport/testing/conformance.ts";
import { LocalAuthority, writeCredentials } from "../identity/mod.ts";
import { openWorld } from "../world.ts";
import { LOOPBACK, Mesh } from "./mesh.ts";

/** A registry that has gone down since an instance was entered: nothing that it is told is ever heard. */
const silent: Registry = {
  register() {
    const never = new Promise<void>(() => {});
    return Promise.resolve({ update: () => never, release: () => never });
  },
  watch: () => () => {},
  close: () => Promise.resolve(),
};

/** A registry that keeps what it is told. */
function listening(told: string[]): Registry {
  return {
    ...silent,
    async register({ service, health }) {
      told.push(`${service} ${health}`);
      return {
        update: async (next) => void told.push(`${service} ${next}`),
        release: async () => void told.push(`${service} is gone`),
      };
    },
  };
}

async function serve(context: TestContext, registry: Registry): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), "isomer-mesh-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  context.after(() => open.close());
  const { clock, random, ids } = open.world;
  const system = calleeSystem({ runs: 0, received: undefined, onHang: () => {}, onAbort: () => {} });
  const services = system.contracts.map(({ name }) => name);
  const trustDomain = "shop.test";
  const authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain, clock });
  const identityFolder = join(folder, "own");
  for (const service of services)
    writeCredentials(identityFolder, `service/${service}`, authority.issue(`service/${service}`));
  const mesh = new Mesh({
    ...{ system, services, version: "1", trustDomain, zone: "a", instance: "one", isGateway: false, identityFolder },
    ...{ listens: LOOPBACK, registryOf: () => registry, clock, random, ids, log: silentLogger, metrics: new Metrics() },
  });
  assert.ok(((await mesh.serve({ send: () => assert.fail("nobody calls") })) ?? 0) > 0);
  return mesh;
}

void test("a process drains and stops while the registry is down", async (t) => {
  const mesh = await serve(t, silent);
  await mesh.drain();
  await mesh.stop();
});

void test("a process tells the registry that it drains before it ends, so that nobody chooses it meanwhile", async (t) => {
  const told: string[] = [];
  const mesh = await serve(t, listening(told));
  const services = told.map((line) => line.replace(" ready", ""));
  assert.ok(services.length > 0);
  await mesh.drain();
  assert.deepEqual(
    told.slice(services.length),
    services.map((service) => `${service} draining`),
  );
  await mesh.stop();
  assert.deepEqual(
    told.slice(services.length * 2),
    services.map((service) => `${service} is gone`),
  );
});
