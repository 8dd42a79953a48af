/** The demo's data: the catalogue, prices, stock, and a user for each role. Does nothing when it is there. */
import { randomUUID } from "node:crypto";
import type { Call, Identity } from "@isomer/kernel/contract";
import type { Host } from "@isomer/kernel/runtime";
import { isFault, sleep } from "@isomer/kernel/std";
import { type Seeded, seedShop, seedUsers } from "../seed/mod.ts";

/** Whoever fills an empty shop: not a person, with every right. */
export const SYSTEM: Identity = { subject: "system", roles: ["admin"], guest: false };

const ATTEMPTS_MAX = 20;

/** Fills the shop if it is empty. */
export async function seedDemo(host: Host, password: string): Promise<Seeded> {
  const call = async <Output>({ service, operation, input }: Call<string, Output>, key?: string): Promise<Output> => {
    const invocation = {
      service,
      operation,
      input,
      identity: SYSTEM,
      key: key ?? randomUUID(),
      criticality: "critical",
    } as const;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await host.invoke(invocation)).output as Output;
      } catch (error) {
        // A machine that is busy starting may refuse work for a moment. The keys make repeating safe.
        const passing = isFault(error) && (error.kind === "exhausted" || error.kind === "unavailable");
        if (!passing || attempt === ATTEMPTS_MAX) throw error;
        await sleep(host.world.clock, 250 * attempt);
      }
    }
  };
  const seeded = await seedShop(call);
  await seedUsers(call, { password });
  return seeded;
}
