/** The wire's benchmark: our own protocol. */
import { systemClock, systemRandom } from "@isomer/kernel/node";
import { silentLogger } from "@isomer/kernel/std";
import { WireChannel, WireServer } from "../../kernel/src/node/wire/mod.ts";
import { type Answer, type Question, type Secrets, TRACE, USER_TOKEN, answerTo, identityOf } from "./question.ts";

const common = { clock: systemClock(), log: silentLogger };

/** Serves; resolves with the port. */
export async function serveWire({ callee }: Secrets): Promise<number> {
  const server = await WireServer.listen({
    ...{ ...common, identity: identityOf("service/callee", callee) },
    handle: async ({ input }) => ({ output: answerTo(input as Question), replayed: false }),
  });
  return server.port;
}

/** A client. */
export function callWire({ caller }: Secrets, port: number): { call(q: Question): Promise<Answer>; close(): void } {
  const channel = new WireChannel({
    ...{ ...common, random: systemRandom(), identity: identityOf("service/caller", caller) },
    ...{ host: "127.0.0.1", port, peer: "service/callee", own: "service/caller" },
  });
  let keys = 0;
  return {
    async call(input) {
      const { output } = await channel.send(
        {
          ...{ service: "callee", operation: "price", input, key: `0190a9b0-0000-7000-8000-${(keys += 1)}` },
          ...{ clientKey: false, attempt: 1, deadlineAt: common.clock.monotonicMs() + 5_000, caller: "caller" },
          ...{ identity: undefined, trace: TRACE, criticality: "normal", signal: undefined },
        },
        USER_TOKEN,
      );
      return output as Answer;
    },
    close: () => channel.close(),
  };
}
