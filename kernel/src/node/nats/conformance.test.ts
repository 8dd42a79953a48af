/** The suites of brokers and of sources, against a real server. */
import { after, before, test } from "node:test";
import { headers } from "@nats-io/transport-node";
import { type BrokerSubject, brokerConformance } from "../../events/testing/conformance.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { type JetStreamBroker, jetStreamBroker } from "./mod.ts";
import { SKIP, linked, removeStreams, tempFolder } from "./testing/setup.ts";

let server: NatsServer | undefined;

if (SKIP === false) {
  const folder = tempFolder();
  before(async () => {
    server = await startNats({ folder });
  });
  after(() => server?.stop("SIGKILL"));

  const make = async (): Promise<BrokerSubject> => {
    const link = await linked([server?.port ?? 0]);
    const anew = (): JetStreamBroker =>
      jetStreamBroker({ link, clock: systemClock(), random: systemRandom(), make: {} });
    const broker = anew();
    return {
      ...{ broker, anew, foreign: () => link.foreignMessages },
      async smuggle({ after, upTo, text }) {
        const about = headers();
        about.set("Isomer-After", String(after));
        about.set("Isomer-Up-To", String(upTo));
        link.connection().publish("isomer.events.shop", text, { headers: about });
        await link.connection().flush();
      },
      async close() {
        broker.close();
        await removeStreams(link);
        await link.close();
      },
    };
  };
  brokerConformance("JetStream", make, { hasTexts: true });
} else {
  test("the conformance of JetStream", { skip: SKIP });
}
