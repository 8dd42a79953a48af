/** A name server for tests: answers over UDP from a few records (RFC 1035). */
import { type RemoteInfo, type Socket, createSocket } from "node:dgram";
import { once } from "node:events";

/** A record of a name. */
export type DnsRecord =
  | { readonly type: "A"; readonly address: string }
  | { readonly type: "AAAA"; readonly groups: readonly number[] }
  | {
      readonly type: "SRV";
      readonly target: string;
      readonly port: number;
      readonly weight?: number;
      readonly priority?: number;
    };

/** What the server does: answers, says that it failed, or says nothing. */
export type DnsMood = "answers" | "fails" | "silent";

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
const NO_ERROR = 0x8580;
const SERVER_FAILURE = 0x8582;
const UNKNOWN_NAME = 0x8583;

/** A name server on a free port of this machine. */
export class DnsServer {
  readonly records = new Map<string, DnsRecord[]>();
  mood: DnsMood = "answers";
  questions = 0;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (message, from) => this.#answer(message, from));
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new DnsServer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  add(name: string, record: DnsRecord): void {
    this.records.set(name, [...(this.records.get(name) ?? []), record]);
  }

  remove(name: string, isIt: (record: DnsRecord) => boolean): void {
    this.records.set(
      name,
      (this.records.get(name) ?? []).filter((record) => !isIt(record)),
    );
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #answer(message: Buffer, from: RemoteInfo): void {
    this.questions += 1;
    if (this.mood === "silent") return;
    const { name, type, end } = questionOf(message);
    const known = this.records.get(name);
    const fitting = (known ?? []).filter((record) => TYPES[record.type] === type);
    const code = this.mood === "fails" ? SERVER_FAILURE : known === undefined ? UNKNOWN_NAME : NO_ERROR;
    const answers = this.mood === "fails" ? [] : fitting;
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    head.writeUInt16BE(code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    const reply = Buffer.concat([head, message.subarray(12, end), ...answers.map(answerOf)]);
    this.#socket.send(reply, from.port, from.address);
  }
}

function questionOf(message: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function answerOf(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(12);
  // The name is that of the question, at offset 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(0, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(record: DnsRecord): Buffer {
  if (record.type === "A") return Buffer.from(record.address.split(".").map(Number));
  if (record.type === "AAAA") return Buffer.from(record.groups.flatMap((group) => [group >> 8, group & 0xff]));
  const head = Buffer.alloc(6);
  head.writeUInt16BE(record.priority ?? 0, 0);
  head.writeUInt16BE(record.weight ?? 1, 2);
  head.writeUInt16BE(record.port, 4);
  const labels = record.target.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
