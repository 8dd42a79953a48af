/** The conformance suite's callee in a host, and what links of other protocols than the wire are made of, to reach it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "../../../contract/mod.ts";
import { Host } from "../../../runtime/mod.ts";
import { type Clock, type Logger, silentLogger } from "../../../std/mod.ts";
import type { Envelope, InboundCall, Transport } from "../../../transport/mod.ts";
import type { CalleeProbe } from "../../../transport/testing/callee.ts";
import { type TransportSubject, calleeSystem } from "../../../transport/testing/conformance.ts";
import { LocalAuthority, LocalIdentity } from "../../identity/mod.ts";
import { openWorld } from "../../world.ts";

/** What a link's server and transport have in common with those of another. */
export interface LinkParts {
  readonly common: { readonly identity: LocalIdentity; readonly clock: Clock; readonly log: Logger };
  readonly server: {
    readonly paths: readonly [string];
    readonly admit: (call: InboundCall, peerId: string) => Envelope;
    readonly handle: Transport["send"];
  };
  readonly userTokenOf: (envelope: Envelope) => string | undefined;
}

/** A link that was opened. */
interface OpenLink {
  readonly server: { close(graceMs: number): Promise<void> };
  readonly transport: Transport & { close(): void };
}

/** Starts the callee, and a link to it; both end with the subject. */
export async function calleeOver(
  probe: CalleeProbe,
  open: (parts: LinkParts) => Promise<OpenLink>,
): Promise<TransportSubject> {
  const folder = mkdtempSync(join(tmpdir(), "isomer-link-"));
  const opened = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const { clock } = opened.world;
  const host = await Host.start({ system: calleeSystem(probe), world: opened.world, jobs: false });
  const authority = new LocalAuthority({ folder, trustDomain: "shop.internal", clock });
  const paths = ["service/callee", "service/caller", "service/stranger", "gateway"];
  const { server, transport } = await open({
    common: { identity: new LocalIdentity({ authority, clock, paths }), clock, log: silentLogger },
    server: {
      paths: ["service/callee"],
      admit({ userToken, ...call }, peer) {
        // Who is behind a call is the fleet's business; here the user is told as text.
        const identity = userToken === undefined ? undefined : (JSON.parse(userToken) as Identity);
        return { ...call, identity, peer };
      },
      handle: (envelope) => host.transport.send(envelope),
    },
    userTokenOf: ({ identity }) => (identity === undefined ? undefined : JSON.stringify(identity)),
  });
  return {
    clock,
    transport,
    async close() {
      transport.close();
      await server.close(0);
      await host.stop();
      opened.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
