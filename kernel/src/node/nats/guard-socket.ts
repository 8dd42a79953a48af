/**
 * Keeps the end of a connection from ending the process. The client takes its listeners off a socket that closes; when
 * something was written between the server's end and that, the socket then reports an error that nobody listens to, and
 * Node ends the process. What the error says is known by then: the connection is gone, and is made again.
 */
import { EventEmitter } from "node:events";
import type { NatsConnection } from "@nats-io/transport-node";

/** How the client keeps its socket. Nothing of it is promised: when it is another way, this does nothing. */
interface Inside {
  readonly protocol?: { readonly transport?: { readonly socket?: unknown } };
}

/** Sees to it that the connection's present socket always has somebody who listens to its errors. */
export function guardSocket(connection: NatsConnection): void {
  const socket = (connection as unknown as Inside).protocol?.transport?.socket;
  if (!(socket instanceof EventEmitter) || Object.hasOwn(socket, "removeAllListeners")) return;
  const listen = (): unknown => socket.on("error", () => {});
  const removeAll = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...events) => {
    removeAll(...events);
    listen();
    return socket;
  };
  listen();
}
