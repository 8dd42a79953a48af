/** Asking outside in simulation is held to what the real way does. */
import { type Party, fetchConformance } from "../runtime/testing/fetch-conformance.ts";
import { HTTP, RESPONSE_BYTES_MAX, SIM_URL, httpListener, simulatedFetch } from "./http.ts";
import { askerOf } from "./network.ts";
import { Stage } from "./testing/stage.ts";

fetchConformance("in simulation", async () => {
  const stage = new Stage();
  const pump = stage.pump();
  const [client, server] = [stage.machine("client"), stage.machine("server")];
  let party: Party = async () => ({ status: 200, headers: {}, body: "" });
  const occasion = (name: string): string => stage.faults.occasion(name);
  const gateway: Parameters<typeof httpListener>[0] = {
    async handle({ method, path, query, headers, body }) {
      const heard = { ...(headers as Record<string, string>) };
      const answer = await party({ method, path, query, headers: heard, body: textOf(body) });
      if (answer !== "cut") return answer;
      stage.crash(server, "the connection is cut");
      return new Promise<never>(() => {});
    },
  };
  server.born();
  server.ports.set(HTTP, httpListener(gateway, occasion));
  const asker = askerOf(client, client.born());
  const { network } = stage;
  return {
    fetch: simulatedFetch({ network, asker, occasion, gatewayFor: () => "server" }),
    url: SIM_URL,
    nowhere: "http://nobody.sim/",
    responseBytesMax: RESPONSE_BYTES_MAX,
    answer: (next) => void (party = next),
    close: () => pump.stop(),
  };
});

function textOf(body: unknown): string {
  return typeof body === "string" ? body : "";
}
