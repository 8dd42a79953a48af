/**
 * Visitors who look around and do not wait for one another, from a thread of their own: what they cost must be little,
 * because the shop that they visit has the same processors. So they speak HTTP/1.1 by hand (RFC 9112), and are bounded: by
 * connections, by how long each waits, and by what is made up for after a pause.
 */
import { type Socket, connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { Tally, VisitorsOptions, VisitorsOrder } from "./visitors.ts";

const { host, port, paths, connectionsMax, patienceMs } = workerData as VisitorsOptions;
const TICK_MS = 5;
const NEWS_MS = 250;
/** What could not be sent in time is made up for, but not what is older than this. */
const MAKE_UP_MS = 100;
/** How long a visitor who was refused stays away, in milliseconds, where the next comes when the one before has left. */
const REST_MS = 1_000;
const HEAD_END = Buffer.from("\r\n\r\n");

let tally: Tally = nothing();
let order: VisitorsOrder = { way: "open", perSecond: 0 };
let orderedAt = performance.now();
let due = 0;
let asked = 0;

function nothing(): Tally {
  return {
    offered: 0,
    served: 0,
    shed: 0,
    unasked: 0,
    late: 0,
    again: 0,
    broken: [],
    turnedAway: 0,
    tookMs: 0,
    longestMs: 0,
  };
}

/** A connection on which one request after another is made. */
class Line {
  isResting = false;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #askedAt = 0;
  /** How often the visitor on it asks again when there is no answer to be had. */
  #again = 0;
  isBusy = false;
  isOpen = true;

  constructor() {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#heard(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#closed());
  }

  get waitsMs(): number {
    return this.isBusy ? performance.now() - this.#askedAt : 0;
  }

  ask(again: number): void {
    this.#again = again;
    const path = paths[asked++ % paths.length] ?? "/";
    this.isBusy = true;
    this.#askedAt = performance.now();
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\naccept: application/json\r\n\r\n`);
  }

  /** Hangs up: the visitor has lost patience. */
  leave(): void {
    this.isBusy = false;
    this.isOpen = false;
    this.#socket.destroy();
    tally.late += 1;
    if (this.#again > 0) askAgain(this.#again - 1);
  }

  #heard(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end).toLowerCase();
    const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
    if (length === undefined) {
      tally.broken.push(`an answer without a length: ${head}`);
      this.#socket.destroy();
      return;
    }
    const whole = end + HEAD_END.length + Number(length);
    if (this.#received.length < whole) return;
    const body = this.#received.subarray(end + HEAD_END.length, whole);
    this.#received = this.#received.subarray(whole);
    this.#answered(Number(head.slice(9, 12)), head, body);
  }

  #answered(status: number, head: string, body: Buffer): void {
    const tookMs = performance.now() - this.#askedAt;
    this.isBusy = false;
    if (status === 200) {
      tally.served += 1;
      tally.tookMs += tookMs;
      tally.longestMs = Math.max(tally.longestMs, tookMs);
    } else if (status === 503 || status === 429) {
      tally.shed += 1;
      if (!head.includes("\r\nretry-after: ")) tally.broken.push(`${status} does not say when to come back`);
    } else if (status === 504) tally.late += 1;
    else if (tally.broken.length < 10) tally.broken.push(`${status} ${body.toString("utf8", 0, 300)}`);
    if (head.includes("\r\nconnection: close")) this.#end();
    if (status !== 200 && this.#again > 0) askAgain(this.#again - 1);
    if (order.way !== "closed" || !this.isOpen) return;
    if (status === 200) return pump();
    // Whoever is told to come back later does: else those who are refused would be the load.
    this.isResting = true;
    setTimeout(() => {
      this.isResting = false;
      pump();
    }, REST_MS);
  }

  #end(): void {
    this.isOpen = false;
    this.#socket.destroy();
  }

  #closed(): void {
    this.isOpen = false;
    lines.delete(this);
    if (this.isBusy) tally.late += 1;
  }
}

const lines = new Set<Line>();

/** A connection that nobody uses; undefined when there are too many. */
function freeLine(most: number): Line | undefined {
  for (const line of lines) if (!line.isBusy && !line.isResting && line.isOpen) return line;
  if (lines.size >= most) return undefined;
  const line = new Line();
  lines.add(line);
  return line;
}

/** Asks what is to be asked by now. */
function pump(): void {
  if (order.way === "closed") {
    for (let line = freeLine(order.width); line !== undefined; line = freeLine(order.width)) {
      tally.offered += 1;
      line.ask(0);
    }
    return;
  }
  const wanted = ((performance.now() - orderedAt) * order.perSecond) / 1_000;
  const oldest = wanted - (MAKE_UP_MS * order.perSecond) / 1_000;
  if (due < oldest) {
    tally.unasked += Math.floor(oldest - due);
    due += Math.floor(oldest - due);
  }
  for (; due < wanted; due += 1) {
    tally.offered += 1;
    const line = freeLine(connectionsMax);
    if (line === undefined) tally.turnedAway += 1;
    else line.ask(order.again ?? 0);
  }
}

/** Somebody has no patience at all. */
function askAgain(left: number): void {
  const line = freeLine(connectionsMax);
  if (line === undefined) return;
  tally.again += 1;
  line.ask(left);
}

setInterval(() => {
  for (const line of lines) if (line.waitsMs > patienceMs) line.leave();
  pump();
}, TICK_MS);
setInterval(() => {
  parentPort?.postMessage(tally);
  tally = nothing();
}, NEWS_MS);
parentPort?.on("message", (next: VisitorsOrder) => {
  order = next;
  [orderedAt, due] = [performance.now(), 0];
  pump();
});
