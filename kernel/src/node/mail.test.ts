import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { MailRefused, MailUnavailable, MailUnknown } from "../runtime/mod.ts";
import type { Fault } from "../std/mod.ts";
import { smtpMail } from "./mail.ts";

const mail = {
  id: "0001@isomer",
  from: "Shop <shop@example.com>",
  to: "ada@example.com",
  subject: "Grüße",
  text: "Hello\n.a line that begins with a dot",
  html: "<p>Hello</p>",
};

/** What the server answers to a command, or what it does instead. */
type Script = (command: string, socket: Socket) => string | undefined;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const ANSWERS: Readonly<Record<string, string>> = {
  EHLO: "250 shop.test",
  MAIL: "250 ok",
  RCPT: "250 ok",
  DATA: "354 go on",
  END: "250 taken",
  QUIT: "221 bye",
};

/** A mail server that keeps what it took. */
async function server(script: Script = () => undefined): Promise<{ url: string; taken: string[] }> {
  const taken: string[] = [];
  const listening = createServer((socket) => {
    let text = "";
    let inData = false;
    socket.on("error", () => undefined);
    socket.write("220 shop.test\r\n");
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("utf8");
      for (;;) {
        const end = text.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const part = text.slice(0, end);
        text = text.slice(end + (inData ? 5 : 2));
        const command = inData ? "END" : part.slice(0, 4).toUpperCase();
        const answer = script(command, socket) ?? ANSWERS[command] ?? "250 ok";
        if (socket.destroyed) return;
        if (inData && answer.startsWith("2")) taken.push(part);
        inData = command === "DATA" && answer.startsWith("3");
        socket.write(`${answer}\r\n`);
      }
    });
  });
  servers.push(listening);
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return { url: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`, taken };
}

const faultOf = async (url: string): Promise<Fault> => {
  const outcome = await smtpMail({ url, timeoutMs: 2_000 })
    .send(mail)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  assert.ok(outcome instanceof Error, "the mail is not sent");
  return outcome as Fault;
};

void test("a mail arrives, with its id, both bodies and its umlauts", async () => {
  const { url, taken } = await server();
  await smtpMail({ url }).send(mail);
  assert.equal(taken.length, 1);
  const [text = ""] = taken;
  assert.match(text, /^Message-ID: <0001@isomer>\r$/m);
  assert.match(text, /^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r$/m);
  assert.match(text, /multipart\/alternative/);
  assert.match(text, /^Auto-Submitted: auto-generated\r$/m);
});

void test("no server, or one that says to come back, took nothing", async () => {
  const { url } = await server();
  servers.splice(0).forEach((each) => each.close());
  assert.ok(MailUnavailable.is(await faultOf(url)), "nobody listens");
  const busy = await server((command) => (command === "RCPT" ? "451 greylisted, come back" : undefined));
  assert.ok(MailUnavailable.is(await faultOf(busy.url)), "451");
  const rude = await server((command, socket) => {
    if (command === "MAIL") socket.destroy();
    return undefined;
  });
  assert.ok(MailUnavailable.is(await faultOf(rude.url)), "closed before the text");
  const strict = await server((command) => (command === "AUTH" ? "535 wrong password" : undefined));
  const url2 = strict.url.replace("smtp://", "smtp://shop:wrong@");
  assert.ok(MailUnavailable.is(await faultOf(url2)), "our password is wrong, not the mail");
});

void test("a refusal is for good", async () => {
  const unknown = await server((command) => (command === "RCPT" ? "550 no such mailbox" : undefined));
  assert.ok(MailRefused.is(await faultOf(unknown.url)));
  const spam = await server((command) => (command === "END" ? "554 looks like spam" : undefined));
  assert.ok(MailRefused.is(await faultOf(spam.url)));
});

void test("a connection that breaks after the text leaves the outcome unknown", async () => {
  const { url } = await server((command, socket) => {
    if (command === "END") socket.destroy();
    return undefined;
  });
  assert.ok(MailUnknown.is(await faultOf(url)));
});

void test("addresses that are not a mail server's are refused at the start", () => {
  for (const url of ["", "mail.example.com", "https://mail.example.com", "smtp://"]) {
    assert.throws(() => smtpMail({ url }), TypeError);
  }
});
