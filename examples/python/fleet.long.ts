/** The shop as a fleet of real processes, with gift wrapping in Python among them: used by the shop, and using it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { catalog } from "../../commerce/catalog/contract.ts";
import { withoutServers } from "../../commerce/testing/fleet-process.ts";
import { readLock, systemClock } from "../../kernel/src/node/mod.ts";
import { findProgram } from "../../kernel/src/node/engines/mod.ts";
import { fleetPaths } from "../../kernel/src/node/fleet/mod.ts";
import { GrpcTransport } from "../../kernel/src/node/grpc/mod.ts";
import { Unauthenticated } from "../../kernel/src/security/mod.ts";
import type { Envelope, Reply } from "../../kernel/src/transport/mod.ts";
import type { CollectedSpan } from "./testing/collector.ts";
import { GiftFleet, until } from "./testing/gift-fleet-process.ts";

const PROTOS = fileURLToPath(new URL("../../commerce/contracts/proto/", import.meta.url));
const skip =
  findProgram("python3") === undefined ? "python3 is not installed: apt-get install python3" : withoutServers();
const OFFER = { amount: 400, label: /^.+ in gold paper$/ };

void describe("the shop with a service in Python in its fleet", { skip }, () => {
  let gifts: GiftFleet;
  before(async () => {
    gifts = await GiftFleet.start();
  });
  after(() => gifts?.stop());

  const offered = async (traceparent?: string): Promise<void> => {
    const answer = await gifts.offer(traceparent);
    const { amount, label } = (await answer.json()) as { amount: number; label: string };
    assert.deepEqual([answer.status, amount], [200, OFFER.amount]);
    assert.match(label, OFFER.label);
  };
  const row = async (instance: string) => (await gifts.fleet.rows()).find((one) => one.instance === instance);

  test("shows it among the others, with what is known of it from outside", async () => {
    const found = await row("giftwrap-1");
    assert.deepEqual(
      [found?.state, found?.services, found?.program, found?.callsPerSecond],
      ["ready", ["giftwrap"], "python3 giftwrap.py", undefined],
    );
    assert.ok((found?.rssBytes ?? 0) > 1_000_000);
    assert.match(readFileSync(fleetPaths.log(gifts.fleet.folder, "giftwrap-1"), "utf8"), /"message":"ready"/);
  });

  test("uses it, and is used by it, in one trace that nobody interrupts", async () => {
    const [traceId, clientSpan] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    await offered(`00-${traceId}-${clientSpan}-01`);
    const last = await until("the catalogue tells its span", () =>
      gifts.traces.spans.find((span) => span.traceId === traceId && span.name === "catalog.variants" && isHost(span)),
    );
    const path: string[] = [];
    for (let span: CollectedSpan | undefined = last; span !== undefined;) {
      path.unshift(`${span.instance} ${span.name}`);
      const { parentSpanId }: CollectedSpan = span;
      if (parentSpanId === clientSpan) break;
      span = await until(`the span above ${path[0]} is told`, (): CollectedSpan | undefined =>
        gifts.traces.spans.find((one) => one.traceId === traceId && one.spanId === parentSpanId),
      );
    }
    const told = path.join(" > ");
    const inPython = "giftwrap-1 giftwrap.quote > giftwrap-1 catalog.variants";
    assert.match(told, new RegExp(`^gateway-1 .*> desk-1 desk.offer > .*${inPython} > shop-1 catalog.variants$`), told);
  });

  test("lets it call what it says it uses, over gRPC as well, and nothing else; a refusal is logged", async (context) => {
    const path = "service/giftwrap";
    const clock = systemClock();
    const identity = gifts.identityOf("giftwrap-1", path);
    const { grpc = assert.fail("nobody serves gRPC") } = gifts.address("catalog");
    const lockOf = (service: string) => readLock(PROTOS, service);
    const asked = new GrpcTransport({ identity, clock, contracts: [catalog], lockOf, addresses: { catalog: grpc } });
    context.after(() => (asked.close(), identity.close()));
    const ask = (operation: string, input: object): Promise<Reply> => asked.send(callOf(clock, operation, input));
    const { output } = await ask("variants", { skus: [gifts.sku] });
    const { variants } = output as { variants: readonly { sku: string; options: object }[] };
    assert.deepEqual(variants[0]?.sku, gifts.sku);
    await assert.rejects(ask("allProducts", {}), Unauthenticated.is);

    const asGiftwrap = { instance: "giftwrap-1", path };
    assert.deepEqual(await gifts.askAs(asGiftwrap, "catalog", "pricing/quote"), {
      status: 403,
      code: "kernel/undeclared",
    });
    const refused = await until("the refusal is logged", () =>
      gifts.refusals("shop-1").find(({ operation }) => operation === "pricing.quote"),
    );
    assert.deepEqual([refused["caller"], refused["peer"]], ["giftwrap", "spiffe://fleet.local/service/giftwrap"]);
    await until("the collector has it, too", () =>
      gifts.traces.logs.find((record) => record.includes("call refused") && record.includes("pricing.quote")),
    );
  });

  test("is refused by it where its contract lets nobody in, which is logged", async () => {
    const asCatalog = { instance: "shop-1", path: "service/catalog" };
    const refusal = await gifts.askAs(asCatalog, "giftwrap", "giftwrap/quote");
    assert.deepEqual(refusal, { status: 403, code: "transport/peer-refused" });
    const [logged] = gifts.refusals("giftwrap-1");
    assert.deepEqual([logged?.["operation"], logged?.["peer"]], ["giftwrap.quote", "service/catalog"]);
  });

  test("replaces its process without a failed request", async () => {
    const failures: string[] = [];
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) {
        const answer = await gifts.offer();
        const said = await answer.text();
        if (answer.status !== 200) failures.push(said);
      }
    };
    const clients = [client(), client()];
    await gifts.fleet.change({ do: "restart", name: "giftwrap" });
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    assert.equal(await row("giftwrap-1"), undefined);
    assert.equal((await row("giftwrap-2"))?.state, "ready");
  });

  test("starts it again when it was killed, and goes on", async () => {
    const before = (await row("giftwrap-2"))?.pid;
    await gifts.fleet.signal("giftwrap-2", "SIGKILL");
    const again = await until("it is ready again", async () => {
      const found = await row("giftwrap-2");
      return found?.state === "ready" && found.pid !== before ? found : undefined;
    });
    assert.equal(again.restarts, 1);
    await until("the desk finds it again", async () => ((await gifts.offer()).status === 200 ? true : undefined));
    await offered();
    assert.match(gifts.fleet.said, /giftwrap-2 was ended by SIGKILL; starts again/);
  });
});

/** Whether a span is of a process that runs services of ours. */
function isHost({ instance }: CollectedSpan): boolean {
  return !instance.startsWith("giftwrap");
}

function callOf(clock: { monotonicMs(): number }, operation: string, input: unknown): Envelope {
  return {
    ...{ service: "catalog", operation, input, key: undefined, clientKey: false, attempt: 1 },
    ...{ caller: "giftwrap", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
    deadlineAt: clock.monotonicMs() + 10_000,
  };
}
