/** A server and a channel to it, for tests on sockets. */
import assert from "node:assert/strict";
import { silentLogger } from "../../../std/mod.ts";
import type { Envelope, Reply } from "../../../transport/mod.ts";
import { systemClock } from "../../clock.ts";
import { systemRandom } from "../../random.ts";
import { WireChannel, type WireChannelOptions, WireServer, type WireServerOptions } from "../mod.ts";
import { TestAuthority } from "./authority.ts";

/** The real one: sockets know no other. */
export const clock = systemClock();
/** Whoever closes it takes away what further certificates need; those that there are stay good. */
export const authority = new TestAuthority();
/** Who calls and who is called. */
export const identity = authority.identity("service/callee", "service/caller");

/** Carries out a call. */
export type Handle = WireServerOptions["handle"];
/** Answers with what was asked. */
export const echo: Handle = async ({ input }) => ({ output: input, replayed: false });

/** What a test has at hand. */
export interface Bench {
  readonly server: WireServer;
  readonly channel: WireChannel;
  send(input: unknown, more?: Partial<Envelope>): Promise<Reply>;
}

/** A call that says nothing special. */
export function envelopeOf(input: unknown, more: Partial<Envelope> = {}): Envelope {
  return {
    ...{ service: "callee", operation: "echo", input, key: undefined, clientKey: false, attempt: 1 },
    ...{ deadlineAt: clock.monotonicMs() + 20_000, caller: "caller", identity: undefined, trace: undefined },
    ...{ criticality: "normal", signal: undefined, ...more },
  };
}

/** A channel to a server at a port. */
export function channelTo(port: number, more: Partial<WireChannelOptions> = {}): WireChannel {
  return new WireChannel({
    ...{ identity, clock, random: systemRandom(), log: silentLogger },
    ...{ host: "127.0.0.1", port, peer: "service/callee", own: "service/caller", ...more },
  });
}

/** Runs with a server and a channel to it. */
export async function withBench(
  handle: Handle,
  run: (bench: Bench) => Promise<void>,
  more: { server?: Partial<WireServerOptions>; channel?: Partial<WireChannelOptions> } = {},
): Promise<void> {
  const server = await WireServer.listen({
    ...{ identity, clock, log: silentLogger, handle, ...more.server },
  });
  const channel = channelTo(server.port, more.channel);
  try {
    await run({ server, channel, send: (input, extra) => channel.send(envelopeOf(input, extra), undefined) });
  } finally {
    channel.destroy();
    await server.close();
  }
}

/** Resolves when it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let n = 0; !isSo(); n += 1) {
    if (n > 2_000) assert.fail(`It never came to be so: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
