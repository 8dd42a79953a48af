/** Services in other languages as a process finds them: over HTTP and over gRPC, wherever the file says that they are now. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { anyone, contract, query, snapshotOf } from "../../contract/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { defineSystem, external } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { silentLogger, sleep } from "../../std/mod.ts";
import type { Reply } from "../../transport/mod.ts";
import { systemClock } from "../clock.ts";
import { readLock, writeProtos } from "../contracts/mod.ts";
import { HttpServer } from "../external/mod.ts";
import { fleetPaths, replaceFile } from "../fleet/mod.ts";
import { GrpcServer, grpcMethods } from "../grpc/mod.ts";
import { LocalAuthority, LocalIdentity } from "../identity/mod.ts";
import { systemRandom } from "../random.ts";
import type { FleetApp } from "./app.ts";
import { ExternalLinks } from "./external-links.ts";

const giftwrap = contract("giftwrap", {
  version: "1.0.0",
  queries: { who: query({ input: t.object({}), output: t.text(), allow: [anyone] }) },
});
const clock = systemClock();

async function open(context: TestContext, protocol: "http" | "grpc") {
  const folder = mkdtempSync(join(tmpdir(), "isomer-links-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const protos = join(folder, "proto");
  writeProtos(protos, [snapshotOf(giftwrap)]);
  const authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain: "fleet.test", clock });
  const identity = new LocalIdentity({ authority, clock, paths: ["service/giftwrap", "service/desk"] });
  const app: FleetApp = {
    system: defineSystem({ name: "gifts", services: [], externals: [external(giftwrap)], roles: {} }),
    version: "1",
    programs: { giftwrap: { command: ["true"], folder: new URL(".", import.meta.url), protocol } },
    protos: pathToFileURL(`${protos}/`),
  };
  const links = new ExternalLinks({
    ...{ app, folder, identity, clock, random: systemRandom(), log: silentLogger, metrics: new Metrics() },
    ...{ zone: "local", instance: "desk-1", userTokenOf: () => undefined },
  });
  context.after(() => links.close());
  await links.start();
  /** A process of giftwrap, by its name. */
  const serve = async (name: string): Promise<{ readonly [protocol: string]: string }> => {
    const parts = {
      ...{ identity, clock, log: silentLogger, paths: ["service/giftwrap"] as const },
      admit: ({ userToken: _, ...call }: Parameters<HttpServerAdmit>[0], peer: string) => ({
        ...call,
        identity: undefined,
        peer,
      }),
      handle: (call: { readonly peer?: string | undefined }) =>
        Promise.resolve({ output: `${name} for ${call.peer}`, replayed: false }),
    };
    const methods = grpcMethods(giftwrap, readLock(protos, "giftwrap"));
    const server = await (protocol === "http" ? HttpServer.listen(parts) : GrpcServer.listen({ ...parts, methods }));
    context.after(() => server.close(0));
    return { [protocol]: `${protocol === "http" ? "https://" : ""}127.0.0.1:${server.port}` };
  };
  const list = (...processes: readonly object[]): void => {
    const giftwraps = processes.map((one, n) => ({ instance: `giftwrap-${n + 1}`, startedAt: n, ...one }));
    replaceFile(fleetPaths.addresses(folder), JSON.stringify({ version: 1, services: { giftwrap: giftwraps } }));
  };
  const ask = (): Promise<Reply> =>
    links.transport.send({
      ...{ service: "giftwrap", operation: "who", input: {}, key: undefined, clientKey: false, attempt: 1 },
      ...{ caller: "desk", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
      deadlineAt: clock.monotonicMs() + 10_000,
    });
  return { serve, list, ask };
}

type HttpServerAdmit = Parameters<typeof HttpServer.listen>[0]["admit"];

for (const protocol of ["http", "grpc"] as const) {
  void describe(`a service in another language, called over ${protocol}`, () => {
    test("is found where the file says, as soon as it says so, and not where it said before", async (context) => {
      const { serve, list, ask } = await open(context, protocol);
      const [one, other, last] = [await serve("one"), await serve("other"), await serve("last")];
      const asked = async (): Promise<unknown> => (await ask().catch(() => ({ output: "nobody" }))).output;
      const comes = async (expected: string): Promise<void> => {
        const until = clock.monotonicMs() + 10_000;
        while ((await asked()) !== expected) {
          if (clock.monotonicMs() > until) assert.fail(`${expected} never answered`);
          await sleep(clock, 10);
        }
      };
      assert.equal(await asked(), "nobody");
      list(one);
      await comes("one for spiffe://fleet.test/service/desk");
      list(one, other);
      await comes("other for spiffe://fleet.test/service/desk");
      list({ ...last, instance: "giftwrap-3" });
      await comes("last for spiffe://fleet.test/service/desk");
      for (let n = 0; n < 10; n += 1) assert.equal(await asked(), "last for spiffe://fleet.test/service/desk");
    });
  });
}

test("over gRPC it needs the locks of its numbers", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-links-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const app: FleetApp = {
    system: defineSystem({ name: "gifts", services: [], externals: [external(giftwrap)], roles: {} }),
    version: "1",
    programs: { giftwrap: { command: ["true"], folder: new URL(".", import.meta.url), protocol: "grpc" } },
  };
  const identity = { trustDomain: "fleet.test", credentials: () => assert.fail(), onRotate: () => () => {} };
  const links = new ExternalLinks({
    ...{ app, folder, identity, clock, random: systemRandom(), log: silentLogger, metrics: new Metrics() },
    ...{ zone: "local", instance: "desk-1", userTokenOf: () => undefined },
  });
  context.after(() => links.close());
  await assert.rejects(links.start(), /"giftwrap" is called over gRPC: the fleet needs "protos"/);
});
