/** Answers that came just before their connection broke: they are answers all the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { after, test } from "node:test";
import { type Handle, authority, channelTo, envelopeOf, until, withBench } from "./testing/bench.ts";

after(() => authority.close());

/** More than are taken in one turn. */
const CALLS = 64;

test("what came before a connection was reset is taken, however many answers it is", async (context) => {
  let finish: (() => void) | undefined;
  const held = new Promise<void>((resolve) => (finish = resolve));
  let begun = 0;
  const handle: Handle = async ({ input }) => {
    begun += 1;
    await held;
    return { output: input, replayed: false };
  };
  await withBench(handle, async ({ server }) => {
    const { port, hold, letGo, close } = await between(server.port);
    const channel = channelTo(port);
    context.after(() => {
      channel.destroy();
      close();
    });
    const sending = Array.from({ length: CALLS }, (_, n) => channel.send(envelopeOf(n), undefined));
    const outcomes = Promise.allSettled(sending);
    await until(() => begun === CALLS);
    hold();
    finish?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
    letGo();
    const answered = (await outcomes).filter(({ status }) => status === "fulfilled");
    assert.equal(answered.length, CALLS);
  });
});

/** Stands between a channel and its server: can keep back what the server says, and then say it all and break off at once. */
async function between(serverPort: number) {
  let [isHolding, client]: [boolean, Socket | undefined] = [false, undefined];
  const kept: Buffer[] = [];
  const proxy = createServer((socket) => {
    client = socket;
    const further = connect(serverPort, "127.0.0.1");
    for (const each of [socket, further]) each.on("error", () => {});
    socket.on("data", (data) => further.write(data));
    further.on("data", (data) => {
      if (isHolding) kept.push(data);
      else socket.write(data);
    });
    socket.on("close", () => further.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as AddressInfo).port,
    hold: () => void (isHolding = true),
    letGo() {
      client?.write(Buffer.concat(kept));
      client?.resetAndDestroy();
    },
    close: () => void proxy.close(),
  };
}
