/** Takes in the body of a call: no more of it than its peer may have here. */
import type { IncomingMessage } from "node:http";
import { isFault } from "../../std/mod.ts";
import { notStarted } from "../../transport/mod.ts";
import { weightOf } from "../../wire/mod.ts";
import type { HeldBytes } from "../wire/mod.ts";
import { CallMalformed, noRoom } from "./faults.ts";
import { itemsOf } from "./json-bounds.ts";
import { BODY_BYTES_MAX } from "./protocol.ts";

/** What a piece of a body costs besides its bytes: pieces may be of one byte each. Measured: 200 to 300. */
const PIECE_BYTES = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the input of a call; what is refused is left to be thrown away.
 * @throws {CallMalformed} when it is too large, or not JSON.
 * @throws {Fault} `transport/not-started` when its peer has too much here already, or goes before it is whole.
 */
export async function takeBody(incoming: IncomingMessage, service: string, held: HeldBytes): Promise<unknown> {
  const body = await bytesOf(incoming, service, held);
  const items = itemsOf(body);
  if (typeof items === "string") throw CallMalformed.with({ problem: `its body ${items}` });
  // What is made of a byte may take fifty times as much.
  if (!held.take(weightOf(0, items))) throw noRoom(service);
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    throw CallMalformed.with({ problem: "its body is not JSON" });
  }
}

async function bytesOf(incoming: IncomingMessage, service: string, held: HeldBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // An end of the loop would end the connection, and nobody would hear why.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX)
        throw CallMalformed.with({ problem: `its body has more than ${BODY_BYTES_MAX} bytes` });
      if (!held.take(chunk.length + PIECE_BYTES)) throw noRoom(service);
      chunks.push(chunk);
    }
  } catch (error) {
    if (isFault(error)) throw error;
    // Its caller went, or took too long: nothing here is wrong.
    throw notStarted({ service, reason: "it ended before its body was whole" });
  }
  return Buffer.concat(chunks);
}
