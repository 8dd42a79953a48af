/** Operators over HTTP: any gateway of a fleet shows all of it, to those only who may operate it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { loadSecrets } from "../run/secrets.ts";
import { CheckedClient } from "./checked-client.ts";
import { FleetProcess, withoutServers } from "./fleet-process.ts";
import { doors } from "./open-shop.ts";

interface Consumers {
  readonly items: readonly { readonly service: string }[];
  readonly unanswered?: readonly { readonly from: string; readonly code: string }[];
}

describe("operators of a fleet", { skip: withoutServers() }, () => {
  let fleet: FleetProcess;
  const clients: CheckedClient[] = [];
  before(async () => {
    fleet = await FleetProcess.start({ placement: "grouped", gateways: 2 });
    clients.push(...[0, 1].map((gateway) => new CheckedClient(`http://127.0.0.1:${fleet.port + gateway}`)));
  });
  after(async () => {
    for (const client of clients) client.close();
    await fleet.stop();
  });

  const signed = (client: CheckedClient, email: string) =>
    doors(client, loadSecrets(fleet.folder).demoPassword).login(email);

  test("see all of it at each gateway, and nobody else does", async () => {
    for (const client of clients) {
      const admin = await signed(client, "admin@example.com");
      const { items, unanswered } = (await admin.expect(200, "GET", "/v1/operator/consumers")) as unknown as Consumers;
      assert.equal(unanswered, undefined);
      const services = new Set(items.map(({ service }) => service));
      for (const service of ["notifications", "orders", "checkout", "shipping"]) {
        assert.ok(services.has(service), `${service} is missing in ${[...services].join()}`);
      }
      const sagas = await admin.expect(200, "GET", "/v1/operator/sagas/checkout");
      assert.deepEqual(sagas["items"], [], "sagas of a service in another process than the operator's");
      await admin.expect(200, "GET", "/v1/operator/dead-letters");
      const customer = await signed(client, "ada@example.com");
      await customer.expect(403, "GET", "/v1/operator/consumers");
    }
  });

  test("see what answers while a process hangs, and which one that is", async () => {
    const [client] = clients;
    assert.ok(client);
    const admin = await signed(client, "admin@example.com");
    await fleet.signal("parties-1", "SIGSTOP");
    try {
      const { items, unanswered } = (await admin.expect(200, "GET", "/v1/operator/consumers")) as unknown as Consumers;
      assert.deepEqual(
        unanswered?.map(({ from, code }) => [from, code]),
        [["parties-1", "fleet/no-answer"]],
      );
      assert.ok(items.some(({ service }) => service === "orders"));
      assert.ok(!items.some(({ service }) => service === "shipping"));
    } finally {
      await fleet.signal("parties-1", "SIGCONT");
    }
  });
});
