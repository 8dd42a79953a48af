import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../clock.ts";
import { LocalAuthority, LocalIdentity, connectTls, listenTls } from "./mod.ts";

void test("two workloads find out who the other is", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = systemClock();
  const authority = new LocalAuthority({ folder, trustDomain: "shop.test", clock });
  const one = new LocalIdentity({ authority, clock, paths: ["service/orders", "service/cart"] });
  const other = new LocalIdentity({ authority, clock, paths: ["gateway"] });
  const met = Promise.withResolvers<string>();
  const server = listenTls({
    identity: one,
    clock,
    protocols: ["isomer/1"],
    paths: ["service/orders", "service/cart"],
    onPeer: ({ peer, path }) => met.resolve(`${peer.id} at ${path}`),
    onRefused: (fault) => met.reject(fault),
  });
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  const { port } = await new Promise<AddressInfo>((r) => server.once("listening", () => r(server.address() as never)));
  const { socket, peer } = await connectTls({
    identity: other,
    clock,
    protocols: ["isomer/1"],
    host: "127.0.0.1",
    port,
    from: "gateway",
    to: "service/cart",
  });
  t.after(() => socket.destroy());
  assert.equal(peer.id, "spiffe://shop.test/service/cart");
  assert.equal(await met.promise, "spiffe://shop.test/gateway at service/cart");
});
