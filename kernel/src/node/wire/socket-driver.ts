/**
 * Moves bytes between a socket and a link. Frames of one turn of the event loop leave in one write, as long as there are not
 * too many: the rest waits in the link, in order. So do frames that come: a few are taken in each turn, for TLS of Node
 * writes once in a turn, and answers to all that came at once would leave when the last of them is ready. A peer that does not read is not read from either, and cut when it stays
 * so. How much comes to wait says nothing of the peer, who had no chance to read it yet; that sides bound themselves.
 */
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../std/mod.ts";
import { FRAMES_AT_ONCE, type Link } from "../../wire/mod.ts";

/** How much may wait for a peer that reads slowly, and how long. */
export interface SocketBounds {
  /** From here on nothing more is begun for it. */
  readonly highWaterBytes: number;
  /** How long nothing of what the socket was handed may leave, in milliseconds. */
  readonly stallMs: number;
}

/** The bounds that hold unless others are said. */
export const SOCKET_BOUNDS: SocketBounds = {
  highWaterBytes: 1024 * 1024,
  stallMs: 10_000,
};

/**
 * What a socket is handed at once, in bytes: of that it is seen whether it left, and no less. Whoever takes so little in the
 * time that it may stall is as good as gone.
 */
const HANDED_BYTES = 256 * 1024;

/** How many bytes that came may wait to be taken before no more are read. */
const CAME_BYTES_MAX = 256 * 1024;

/** How long a closed socket may take to say good-bye, in milliseconds. */
const GOODBYE_MS = 1_000;

/** What a driver needs. */
export interface DriverOptions {
  readonly clock: Clock;
  readonly bounds: SocketBounds;
  /** Whether to stop reading while too much waits to be written: the side that is called does. */
  readonly pausesReading: boolean;
  /** Called when the socket took bytes, or could not: whether more wait than should. */
  readonly onFlushed: (isCongested: boolean) => void;
}

/** Drives one link over one socket. */
export class SocketDriver {
  readonly #options: DriverOptions;
  #link: Link | undefined;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isFlushPlanned = false;
  #isCongested = false;
  /** When bytes last left, or began to wait. */
  #leftAt = 0;
  #stallTimer: Timer | undefined;
  #goodbye: Timer | undefined;
  /** What came and is not taken yet. */
  readonly #came: Buffer[] = [];
  #cameBytes = 0;
  #isBehind = false;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** For the link: bytes wait; many of them do not wait for the end of the turn. */
  readonly onOutput = (isMany: boolean): void => {
    if (isMany) this.#push();
    if (isMany || this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#options.clock.soon(this.#flush);
  };

  /** For the link: it wants to be woken earlier than planned. */
  readonly onWake = (): void => {
    const { clock } = this.#options;
    const wakeAt = this.#link?.wakeAt ?? Number.POSITIVE_INFINITY;
    if (wakeAt >= this.#timerAt || this.#link?.state === "closed") return;
    this.#timer?.cancel();
    this.#timerAt = wakeAt;
    this.#timer = clock.after(wakeAt - clock.monotonicMs(), this.#wake);
  };

  /** Keeps a link's time from now on. Its bytes wait for {@link carry}. */
  drive(link: Link): void {
    this.#link = link;
    this.onWake();
  }

  /** Carries the link's bytes over a socket whose peer is known. */
  carry(socket: Socket): void {
    const link = this.#link!;
    if (link.state === "closed") {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    const over = (reason: string): void => {
      // What came before the end was said.
      this.#receive(Number.POSITIVE_INFINITY);
      link.close(undefined, reason);
    };
    socket.on("data", (chunk: Buffer) => {
      this.#came.push(chunk);
      this.#cameBytes += chunk.length;
      // Otherwise what came before is still being taken.
      if (this.#came.length === 1) this.#receiveSome();
      if (this.#cameBytes > CAME_BYTES_MAX) this.#fallBehind(socket, true);
    });
    socket.on("end", () => over("the peer ended the connection"));
    socket.on("error", (error) => over(`the connection failed: ${error.message}`));
    socket.on("close", () => {
      this.#goodbye?.cancel();
      over("the connection was lost");
      this.closed();
    });
    this.onOutput(false);
  }

  /** For the link: it is closed. What waits still leaves, if the peer takes it soon. */
  closed(): void {
    this.#timer?.cancel();
    this.#stallTimer?.cancel();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || this.#goodbye !== undefined) return;
    this.#goodbye = this.#options.clock.after(GOODBYE_MS, () => socket.destroy());
    if (!socket.readableEnded) socket.resume();
    this.onOutput(false);
  }

  readonly #wake = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#link?.wake(this.#options.clock.monotonicMs());
    this.onWake();
  };

  readonly #receiveSome = (): void => {
    this.#receive(FRAMES_AT_ONCE);
    if (this.#came.length > 0) this.#options.clock.soon(this.#receiveSome);
    else if (this.#isBehind && this.#socket !== undefined) this.#fallBehind(this.#socket, false);
  };

  /** Takes what came, so many frames of it at most. */
  #receive(framesMax: number): void {
    const link = this.#link;
    const nowMs = this.#options.clock.monotonicMs();
    for (let chunk = this.#came[0]; chunk !== undefined && link !== undefined; chunk = this.#came[0]) {
      const taken = link.receive(chunk, nowMs, framesMax);
      this.#cameBytes -= taken;
      if (taken === chunk.length) this.#came.shift();
      else this.#came[0] = chunk.subarray(taken);
      if (framesMax !== Number.POSITIVE_INFINITY) break;
    }
    this.onWake();
  }

  /** Reads no more until what came is taken. */
  #fallBehind(socket: Socket, isBehind: boolean): void {
    this.#isBehind = isBehind;
    this.#pauseOrResume(socket);
  }

  #pauseOrResume(socket: Socket): void {
    if (this.#isBehind || (this.#isCongested && this.#options.pausesReading)) socket.pause();
    else socket.resume();
  }

  readonly #flush = (): void => {
    this.#isFlushPlanned = false;
    this.#push();
  };

  #push(): void {
    const socket = this.#socket;
    const link = this.#link;
    if (socket === undefined || link === undefined) return;
    if (socket.destroyed || !socket.writable) {
      link.take();
      return;
    }
    this.#hand(socket, link);
    if (link.state === "closed" && link.pendingBytes === 0) socket.end();
  }

  /** Gives the socket as much as it should have. The rest follows when that has left. */
  #hand(socket: Socket, link: Link): void {
    const handed = socket.writableLength;
    const parts = link.take(Math.min(HANDED_BYTES, this.#options.bounds.highWaterBytes) - handed);
    if (parts.length > 0) {
      if (handed === 0) this.#leftAt = this.#options.clock.monotonicMs();
      if (parts.length > 1) socket.cork();
      for (const [n, part] of parts.entries()) socket.write(part, n === parts.length - 1 ? this.#left : undefined);
      if (parts.length > 1) socket.uncork();
    }
    this.#look(socket, link);
  }

  readonly #left = (): void => {
    this.#leftAt = this.#options.clock.monotonicMs();
    if (this.#link !== undefined && (this.#isCongested || this.#link.pendingBytes > 0)) this.#push();
  };

  /** Whether too much waits. */
  #look(socket: Socket, link: Link): void {
    if (link.state === "closed") return;
    const { highWaterBytes } = this.#options.bounds;
    const waiting = link.pendingBytes + socket.writableLength;
    const isCongested = waiting > (this.#isCongested ? highWaterBytes / 2 : highWaterBytes);
    if (isCongested !== this.#isCongested) this.#turn(socket, link, isCongested);
    this.#options.onFlushed(isCongested);
  }

  #turn(socket: Socket, link: Link, isCongested: boolean): void {
    this.#isCongested = isCongested;
    if (this.#options.pausesReading) {
      link.isPaused = isCongested;
      this.#pauseOrResume(socket);
    }
    this.#stallTimer?.cancel();
    if (isCongested) this.#watch(socket, link);
  }

  /** Cuts a peer that takes nothing. */
  #watch(socket: Socket, link: Link): void {
    const { clock, bounds } = this.#options;
    const leftMs = this.#leftAt + bounds.stallMs - clock.monotonicMs();
    this.#stallTimer = clock.after(leftMs, () => {
      if (clock.monotonicMs() - this.#leftAt < bounds.stallMs) {
        this.#watch(socket, link);
        return;
      }
      link.close(undefined, "the peer takes nothing of what waits for it");
      socket.destroy();
    });
  }
}
