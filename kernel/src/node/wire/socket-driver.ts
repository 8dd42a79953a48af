/**
 * Moves bytes between a socket and a link. Frames of one turn of the event loop leave in one write. A peer that does not
 * read is not read from either, and cut when it stays so: what waits for it is bounded.
 */
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../std/mod.ts";
import type { Link } from "../../wire/mod.ts";

/** How much may wait for a peer that reads slowly, and how long. */
export interface SocketBounds {
  /** From here on nothing more is begun for it. */
  readonly highWaterBytes: number;
  /** From here on it is cut. */
  readonly bufferedBytesMax: number;
  /** How long nothing of what waits may leave, in milliseconds. */
  readonly stallMs: number;
}

/** The bounds that hold unless others are said. */
export const SOCKET_BOUNDS: SocketBounds = {
  highWaterBytes: 1024 * 1024,
  bufferedBytesMax: 32 * 1024 * 1024,
  stallMs: 10_000,
};

/** How long a closed socket may take to say good-bye, in milliseconds. */
const GOODBYE_MS = 1_000;

/** What a driver needs. */
export interface DriverOptions {
  readonly clock: Clock;
  readonly bounds: SocketBounds;
  /** Whether to stop reading while too much waits to be written: the side that is called does. */
  readonly pausesReading: boolean;
  /** Called when too much begins or ceases to wait. */
  readonly onCongestion?: (isCongested: boolean) => void;
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

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** For the link: bytes wait. */
  readonly onOutput = (): void => {
    if (this.#isFlushPlanned) return;
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
    socket.on("data", (chunk: Buffer) => {
      link.receive(chunk, this.#options.clock.monotonicMs());
      this.onWake();
    });
    socket.on("end", () => link.close(undefined, "the peer ended the connection"));
    socket.on("error", (error) => link.close(undefined, `the connection failed: ${error.message}`));
    socket.on("close", () => {
      this.#goodbye?.cancel();
      link.close(undefined, "the connection was lost");
      this.closed();
    });
    this.onOutput();
  }

  /** For the link: it is closed. What waits still leaves, if the peer takes it soon. */
  closed(): void {
    this.#timer?.cancel();
    this.#stallTimer?.cancel();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || this.#goodbye !== undefined) return;
    this.#goodbye = this.#options.clock.after(GOODBYE_MS, () => socket.destroy());
    if (!socket.readableEnded) socket.resume();
    this.onOutput();
  }

  readonly #wake = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#link?.wake(this.#options.clock.monotonicMs());
    this.onWake();
  };

  readonly #flush = (): void => {
    this.#isFlushPlanned = false;
    const socket = this.#socket;
    const link = this.#link;
    if (socket === undefined || link === undefined) return;
    if (socket.destroyed || !socket.writable) {
      link.take();
      return;
    }
    const parts = link.take();
    if (parts.length > 0) {
      if (socket.writableLength === 0) this.#leftAt = this.#options.clock.monotonicMs();
      if (parts.length > 1) socket.cork();
      for (const part of parts) socket.write(part, this.#left);
      if (parts.length > 1) socket.uncork();
      this.#look(socket, link);
    }
    if (link.state === "closed") socket.end();
  };

  readonly #left = (): void => {
    this.#leftAt = this.#options.clock.monotonicMs();
    if (this.#isCongested && this.#socket !== undefined && this.#link !== undefined)
      this.#look(this.#socket, this.#link);
  };

  /** Whether too much waits. */
  #look(socket: Socket, link: Link): void {
    const { bounds, pausesReading, onCongestion } = this.#options;
    const waiting = socket.writableLength;
    if (waiting > bounds.bufferedBytesMax) {
      link.close(undefined, `the peer reads too slowly: ${waiting} bytes wait`);
      socket.destroy();
      return;
    }
    const isCongested = waiting > (this.#isCongested ? bounds.highWaterBytes / 2 : bounds.highWaterBytes);
    if (isCongested === this.#isCongested || link.state === "closed") return;
    this.#isCongested = isCongested;
    if (pausesReading) {
      link.isPaused = isCongested;
      if (isCongested) socket.pause();
      else socket.resume();
    }
    this.#stallTimer?.cancel();
    if (isCongested) this.#watch(socket, link);
    onCongestion?.(isCongested);
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
