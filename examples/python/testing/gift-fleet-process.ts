/** The fleet that tests ask: the shop with gift wrapping in Python, on ports of its own, in a folder that goes with it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { fileURLToPath } from "node:url";
import { FleetProcess } from "../../../commerce/testing/fleet-process.ts";
import { type Address, fleetPaths, readAddresses, readFleetFile } from "../../../kernel/src/node/fleet/mod.ts";
import { FilesIdentity, localFiles } from "../../../kernel/src/node/identity/mod.ts";
import { systemClock } from "../../../kernel/src/node/mod.ts";
import { silentLogger } from "../../../kernel/src/std/mod.ts";
import { type Collector, collector } from "./collector.ts";

const ENTRY = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Waits until something is so, and gives it. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const givenUpAt = performance.now() + 30_000; ;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > givenUpAt) assert.fail(`It never came to be that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The fleet of all these tests, and a product that is sold in it. */
export class GiftFleet {
  readonly fleet: FleetProcess;
  readonly traces: Collector;
  readonly sku: string;

  private constructor(fleet: FleetProcess, traces: Collector, sku: string) {
    this.fleet = fleet;
    this.traces = traces;
    this.sku = sku;
  }

  /** Starts it: the shop's services in one process, the desk, gift wrapping, a gateway. */
  static async start(): Promise<GiftFleet> {
    const traces = await collector();
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint, PYTHONDONTWRITEBYTECODE: "1" };
    const fleet = await FleetProcess.start({ entry: ENTRY, placement: "together", environment });
    await fleet.ready();
    const listed = await fetch(`${fleet.url}/v1/storefront/products?currency=EUR&limit=1`);
    const { items } = (await listed.json()) as { items: readonly { skus: readonly string[] }[] };
    return new GiftFleet(fleet, traces, items[0]?.skus[0] ?? assert.fail("nothing is sold"));
  }

  /** Asks the desk, over the gateway, what it costs to wrap a product. */
  offer(traceparent?: string): Promise<Response> {
    const headers: Record<string, string> = traceparent === undefined ? {} : { traceparent };
    return fetch(`${this.fleet.url}/v1/gift-offers/${this.sku}?paper=gold`, { headers });
  }

  /** Where a service takes calls of those in other languages. */
  address(service: string): Address {
    const [address] = readAddresses(this.fleet.folder)?.services[service] ?? [];
    return address ?? assert.fail(`nobody says where ${service} is`);
  }

  /** Speaks as a workload of a process, with the certificate that the fleet gave it. */
  identityOf(instance: string, path: string): FilesIdentity {
    const { folder } = this.fleet;
    const workloads = new Map([[path, localFiles(fleetPaths.identity(folder, instance), path)]]);
    const { trustDomain } = readFleetFile(folder);
    return new FilesIdentity({ trustDomain, workloads, clock: systemClock(), log: silentLogger });
  }

  /** Asks what no client of ours would ask: by hand, as a workload. */
  async askAs(
    { instance, path }: { readonly instance: string; readonly path: string },
    door: string,
    call: string,
  ): Promise<{ readonly status: number; readonly code: string }> {
    const identity = this.identityOf(instance, path);
    const { certificateChain: cert, privateKey: key } = identity.credentials(path);
    identity.close();
    const asked = request(`${this.address(door).http}/${call}`, {
      ...{ method: "POST", cert, key, rejectUnauthorized: false, agent: false },
      servername: `${door}.service.${identity.trustDomain}`,
      headers: { "isomer-caller": path.replace("service/", ""), "isomer-deadline-ms": "5000" },
    });
    asked.end("{}");
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of answer as AsyncIterable<Buffer>) body += chunk.toString();
    return { status: answer.statusCode ?? 0, code: (JSON.parse(body) as { code: string }).code };
  }

  /** The warnings in a process's log that say that a call was refused. */
  refusals(instance: string): readonly Readonly<Record<string, unknown>>[] {
    return readFileSync(fleetPaths.log(this.fleet.folder, instance), "utf8")
      .split("\n")
      .filter((line) => line.includes('"call refused"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.traces.close();
  }
}
