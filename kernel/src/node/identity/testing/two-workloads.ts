/** Two workloads of a fleet meet over mutual TLS: run it by `npx node kernel/src/node/identity/testing/two-workloads.ts`. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../std/mod.ts";
import { systemClock } from "../../clock.ts";
import { FilesIdentity, LocalAuthority, connectTls, listenTls, localFiles, writeCredentials } from "../mod.ts";

/** What the two learned of one another. */
export async function meet(say: (line: string) => void): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "identity-"));
  const clock = systemClock();
  const log = silentLogger;

  // The supervisor: holds the authority, and writes each process's credentials into a folder of its own.
  const authority = new LocalAuthority({ folder: join(home, "authority"), trustDomain: "shop.internal", clock });
  writeCredentials(join(home, "orders"), "service/orders", authority.issue("service/orders"));
  writeCredentials(join(home, "gateway"), "gateway", authority.issue("gateway"));

  // Two processes: each reads what is its own.
  const identityOf = (path: string, folder: string): FilesIdentity =>
    new FilesIdentity({
      ...{ trustDomain: "shop.internal", clock, log },
      workloads: new Map([[path, localFiles(join(home, folder), path)]]),
    });
  const orders = identityOf("service/orders", "orders");
  const gateway = identityOf("gateway", "gateway");

  const protocols = ["example/1"];
  const server = listenTls({
    ...{ identity: orders, clock, protocols, paths: ["service/orders"] },
    onPeer: ({ socket, peer }) => socket.end(`You are ${peer.id}.`),
    onRefused: ({ message }) => say(message),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const who = { identity: gateway, clock, protocols, from: "gateway", to: "service/orders" };
  const { socket, peer } = await connectTls({ ...who, host: "127.0.0.1", port });
  say(`Connected to ${peer.id}.`);
  socket.setEncoding("utf8");
  for await (const line of socket) say(String(line));

  server.close();
  for (const identity of [orders, gateway]) identity.close();
  rmSync(home, { recursive: true });
}

if (import.meta.main) await meet((line) => process.stdout.write(`${line}\n`));
