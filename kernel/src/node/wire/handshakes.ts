/**
 * Connections of which nobody knows yet who they are. They are counted apart from those that are in: whoever only connects
 * takes a place from others who do, and from nobody else.
 */
import type { Socket } from "node:net";

interface Handshake {
  readonly socket: Socket;
  /** On the monotonic clock, in milliseconds. */
  readonly begunAt: number;
}

/** The handshakes that are under way. */
export class Handshakes {
  readonly #max: number;
  readonly #underWay = new Map<string, Handshake>();

  /** At most `max` are under way at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many are under way. */
  get count(): number {
    return this.#underWay.size;
  }

  /** Takes in a connection that begins. When there are too many, one is dropped for it; returns whether one was. */
  begun(socket: Socket, nowMs: number): boolean {
    const name = nameOf(socket);
    const isDropping = this.#underWay.size >= this.#max;
    if (isDropping) this.#drop();
    const handshake = { socket, begunAt: nowMs };
    this.#underWay.set(name, handshake);
    socket.once("close", () => {
      if (this.#underWay.get(name) === handshake) this.#underWay.delete(name);
    });
    return isDropping;
  }

  /** Says that a handshake is done. Returns when its connection began; undefined when nothing is known of it. */
  done(socket: Pick<Socket, "remoteAddress" | "remotePort">): number | undefined {
    const name = nameOf(socket);
    const handshake = this.#underWay.get(name);
    this.#underWay.delete(name);
    return handshake?.begunAt;
  }

  /** The oldest that has said nothing goes first: a caller speaks at once. */
  #drop(): void {
    const [oldest] = this.#underWay;
    let chosen = oldest;
    for (const entry of this.#underWay) {
      if (entry[1].socket.bytesRead > 0) continue;
      chosen = entry;
      break;
    }
    if (chosen === undefined) return;
    this.#underWay.delete(chosen[0]);
    chosen[1].socket.destroy();
  }
}

/** Address and port of the other end: no two connections have the same. */
function nameOf({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}
