/** The suites of brokers and of sources, against a real server. */
import { after, before, test } from "node:test";
import { brokerConformance } from "../../events/testing/conformance.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { jetStreamBroker } from "./mod.ts";
import { SKIP, linked, removeStreams, tempFolder } from "./testing/setup.ts";

let server: NatsServer | undefined;

if (SKIP === false) {
  const folder = tempFolder();
  before(async () => {
    server = await startNats({ folder });
  });
  after(() => server?.stop("SIGKILL"));

  brokerConformance("JetStream", async () => {
    const link = await linked([server?.port ?? 0]);
    const broker = jetStreamBroker({ link, clock: systemClock(), random: systemRandom(), make: {} });
    return {
      broker,
      async close() {
        broker.close();
        await removeStreams(link);
        await link.close();
      },
    };
  });
} else {
  test("the conformance of JetStream", { skip: SKIP });
}
