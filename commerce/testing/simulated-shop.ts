/** A shop on a simulated fleet, for journeys: its time passes while somebody asks, and a little after each answer. */
import { type SimulatedFleet, deadLetters, openSimulatedFleet, simulation } from "@isomer/kernel/sim";
import type { Settings } from "@isomer/kernel/runtime";
import { judgesOf } from "../run/judges.ts";
import { seedDemo } from "../run/demo.ts";
import { settingsOf } from "../run/settings.ts";
import { shop } from "../system.ts";
import { CheckedClient } from "./checked-client.ts";
import type { Exchange } from "./client.ts";
import { type OpenShopOptions, QUICK, type Shop, doors, merged } from "./open-shop.ts";
import { SECRETS, shopSimulation } from "./sim/shop.ts";

/** What passes between an answer and the next question: whoever waits for something asks again and again. */
const THINKING_MS = 40;

/** Opens a shop on a simulated fleet in which nothing goes wrong. */
export async function simulatedShop({ overrides = {} }: Pick<OpenShopOptions, "overrides">): Promise<Shop> {
  const fleet = await shopToBeAsked(merged(QUICK, overrides));
  const client = new CheckedClient("http://shop.sim", { exchange: exchangeOf(fleet) });
  return {
    password: SECRETS.demoPassword,
    paymentsApiKey: SECRETS.paymentsApiKey,
    client,
    get complaints() {
      return fleet.complaints().map((message) => ({ message, fields: {} }));
    },
    ...doors(client, SECRETS.demoPassword),
    rest: () => fleet.rest(),
    deadLetters: () =>
      Promise.resolve([...deadLetters(fleet.state())].filter(([, n]) => n > 0).map(([service]) => service)),
    [Symbol.asyncDispose]() {
      fleet.close();
      return Promise.resolve();
    },
  };
}

/** The shop as a simulated fleet in which nothing goes wrong by itself, with these settings. */
export function shopToBeAsked(overrides: Settings): Promise<SimulatedFleet> {
  return openSimulatedFleet(
    simulation({
      ...shopSimulation,
      name: "a shop to be asked",
      settings: (url) => settingsOf(url, SECRETS, { openMailbox: true, overrides }),
      judges: judgesOf,
      prepare: async (host) => {
        await seedDemo(host, SECRETS.demoPassword);
      },
      system: shop,
    }),
  );
}

/** How clients ask a simulated fleet. */
export function exchangeOf(fleet: SimulatedFleet): Exchange {
  return async ({ method, path, headers, text, timeoutMs }) => {
    const answer = await fleet.ask({
      ...{ method, target: path, headers, timeoutMs },
      ...(text === undefined ? {} : { body: text }),
    });
    await fleet.pause(THINKING_MS);
    return { status: answer.status, headers: answer.headers, content: answer.body };
  };
}
