/** Reads a request's body from its socket, at most as much as is asked for. */
import type { IncomingMessage } from "node:http";
import { type BodySource, BodyTooLarge, Malformed } from "../../gateway/mod.ts";

/** How to get the body of a request; `undefined` when it has none. Nothing is read before it is asked for. */
export function bodySource(raw: IncomingMessage): BodySource | undefined {
  const length = raw.headers["content-length"];
  if (raw.headers["transfer-encoding"] === undefined && (length === undefined || length === "0")) {
    return undefined;
  }
  return (bytesMax) => read(raw, bytesMax);
}

function read(raw: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      raw.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      stop();
      // What else comes is thrown away: the answer closes the connection.
      raw.resume();
      reject(BodyTooLarge.with({ bytesMax }));
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const onClose = (): void => {
      stop();
      reject(Malformed.with({ what: "body", problem: "ended before its length" }));
    };
    raw.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}
