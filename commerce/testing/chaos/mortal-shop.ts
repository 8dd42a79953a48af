/**
 * A shop that dies as a whole, at once, and comes back on what it kept: as one process, as a fleet of processes, or in
 * simulation. What buyers were told must be true in each of them.
 */
import type { SimulatedFleet } from "@isomer/kernel/sim";
import { shop as system } from "../../system.ts";
import type { Arrangement } from "../arrangement.ts";
import { ShopClient } from "../client.ts";
import { FleetProcess } from "../fleet-process.ts";
import { ShopData, listenersOf, underWay } from "../invariants/mod.ts";
import { exchangeOf, shopToBeAsked } from "../simulated-shop.ts";
import { QUICK, ShopProcess } from "./shop-process.ts";

const LISTENERS = listenersOf(system);
const LOOK_MS = 500;

/** A shop that a test may kill. Disposing of it leaves nothing behind. */
export interface MortalShop extends AsyncDisposable {
  readonly client: ShopClient;
  /** Whether it can be looked at while it runs: one moment of each database. */
  readonly isGlass: boolean;
  /** Ends it at once: it learns nothing of it. */
  kill(): Promise<void>;
  /** Starts it on what it kept; resolves when it is open. Rejects when it is killed meanwhile. */
  open(): Promise<void>;
  /** Looks at its databases. */
  look<T>(at: (data: ShopData) => T | Promise<T>): Promise<T>;
  /** Resolves when nothing is under way any more. @throws when it does not come to rest in time. */
  settle(withinMs: number): Promise<void>;
  /** What it complained about, and how often. */
  complaints(): ReadonlyMap<string, number>;
}

/** Opens one. */
export function openMortal(arrangement: Arrangement): Promise<MortalShop> {
  switch (arrangement) {
    case "process":
      return asProcess();
    case "fleet":
      return asFleet();
    case "simulation":
      return inSimulation();
  }
}

async function asProcess(): Promise<MortalShop> {
  const shop = await ShopProcess.start();
  const client = new ShopClient(shop.url);
  return {
    client,
    isGlass: true,
    kill: () => shop.kill(),
    open: () => shop.open(),
    async look(at) {
      using data = shop.data();
      data.hold();
      return await at(data);
    },
    settle: (withinMs) => shop.settle(withinMs),
    complaints: () => shop.complaints(),
    async [Symbol.asyncDispose]() {
      client.close();
      await shop[Symbol.asyncDispose]();
    },
  };
}

/** All processes of services and gateways die at once; the supervisor starts them again, and the servers go on. */
async function asFleet(): Promise<MortalShop> {
  const fleet = await FleetProcess.start({ placement: "grouped", overrides: QUICK });
  const client = new ShopClient(fleet.url);
  return {
    client,
    isGlass: true,
    kill: () => fleet.killAll(),
    open: () => fleet.ready(),
    async look(at) {
      using data = await fleet.data();
      return await at(data);
    },
    settle: (withinMs) => fleet.settle(withinMs),
    complaints: () => counted(fleet.complaints().map(({ message, fields }) => `${message} ${String(fields["code"])}`)),
    async [Symbol.asyncDispose]() {
      client.close();
      await fleet.stop();
    },
  };
}

async function inSimulation(): Promise<MortalShop> {
  const fleet = await shopToBeAsked(QUICK);
  const client = new ShopClient("http://shop.sim", { exchange: exchangeOf(fleet) });
  return {
    client,
    // Its databases are open: a transaction that runs would be seen.
    isGlass: false,
    kill: () => Promise.resolve(fleet.kill()),
    open: () => fleet.up(),
    look: async (at) => await at(dataOf(fleet)),
    async settle(withinMs) {
      for (const givenUpAt = fleet.state().now + withinMs; ; await fleet.pause(LOOK_MS)) {
        await fleet.rest();
        const left = underWay(dataOf(fleet), LISTENERS);
        if (left.length === 0) return;
        if (fleet.state().now > givenUpAt) throw new Error(`It does not come to rest: ${left.join("; ")}.`);
      }
    },
    complaints: () => counted(fleet.complaints()),
    [Symbol.asyncDispose]() {
      fleet.close();
      return Promise.resolve();
    },
  };
}

/** The databases belong to the simulation: they are not closed here. */
function dataOf(fleet: SimulatedFleet): ShopData {
  return new ShopData(fleet.state().databases);
}

function counted(complaints: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const complaint of complaints) counts.set(complaint, (counts.get(complaint) ?? 0) + 1);
  return counts;
}
