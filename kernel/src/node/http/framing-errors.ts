/** Requests that are not HTTP, or not in time: answered on the bare socket, which is then closed. */
import type { Socket } from "node:net";

const PROBLEMS: Readonly<Record<string, readonly [status: number, reason: string, code: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    "Request Header Fields Too Large",
    "gateway/headers-too-large",
    "The headers are larger than 16 KiB.",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "gateway/request-timeout", "The request took too long to arrive."],
};
const MALFORMED = [400, "Bad Request", "gateway/malformed", "The request is not well-formed HTTP/1.1."] as const;

/** Answers an error of the HTTP parser with a problem, and closes: what follows on the connection means nothing. */
export function refuseFraming(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, code, detail] = PROBLEMS[error.code ?? ""] ?? MALFORMED;
  const body = JSON.stringify({ type: `/problems/${code}`, title: reason, status, detail, code });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\n` +
      "Content-Type: application/problem+json; charset=utf-8\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
  );
  // A peer that does not close its side is not waited for.
  socket.destroySoon();
}
