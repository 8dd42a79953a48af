/**
 * Mail by SMTP (RFC 5321), over nodemailer. One connection for each mail: shops send few at a time, and a connection
 * that is kept is one that may have died.
 *
 * What matters is which failures may be repeated. Until the server has asked for the text of the mail (its answer 354
 * to DATA) it has taken nothing. From then on only its answer tells; without one, nobody knows.
 *
 * nodemailer is loaded with the first mail: most processes of a fleet never send one.
 */
import { Readable } from "node:stream";
import type MailComposer from "nodemailer/lib/mail-composer";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { type Mail, type MailPort, MailRefused, MailUnavailable, MailUnknown } from "../runtime/mod.ts";

/** How a mail server is reached. */
export interface SmtpOptions {
  /**
   * `smtp://user:password@host:587` (TLS by STARTTLS, and no password without it, except on this machine) or
   * `smtps://…` (TLS from the start).
   */
  readonly url: string;
  /** How long the server may keep silent, in milliseconds; 10,000 unless said. */
  readonly timeoutMs?: number;
}

type ConnectionOptions = NonNullable<ConstructorParameters<typeof SMTPConnection>[0]>;
/** How far a mail got. */
interface Progress {
  phase: "connecting" | "addressing" | "sending";
}
type SmtpError = Error & { readonly responseCode?: number };

/** Makes the port. @throws {TypeError} when the address is not one of a mail server. */
export function smtpMail({ url, timeoutMs = 10_000 }: SmtpOptions): MailPort {
  const { connection, auth } = readUrl(url, timeoutMs);
  return {
    async send(mail) {
      const { envelope, raw } = await compose(mail);
      const progress: Progress = { phase: "connecting" };
      const { default: Connection } = await import("nodemailer/lib/smtp-connection");
      const smtp = new Connection(connection);
      try {
        await connected(smtp, auth);
        progress.phase = "addressing";
        await sent(smtp, envelope, raw, progress);
        smtp.quit();
      } catch (error) {
        smtp.close();
        throw faultOf(error as SmtpError, progress.phase);
      }
    },
  };
}

function readUrl(text: string, timeoutMs: number) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "smtp:" && url.protocol !== "smtps:") || url.hostname === "") {
    throw new TypeError("The mail server's address must be like smtp://user:password@host:587.");
  }
  const secure = url.protocol === "smtps:";
  const auth =
    url.username === ""
      ? undefined
      : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const connection: ConnectionOptions = {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && auth !== undefined && !isLocal,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  };
  return { connection, auth };
}

async function compose(mail: Mail) {
  const { default: Composer } = await import("nodemailer/lib/mail-composer");
  const node = new Composer({
    messageId: `<${mail.id}>`,
    from: mail.from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    ...(mail.html === undefined ? {} : { html: mail.html }),
    headers: { "auto-submitted": "auto-generated" },
    // A text of ours must never make the composer read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  return { envelope: node.getEnvelope(), raw: await node.build() };
}

function connected(smtp: SMTPConnection, auth: { user: string; pass: string } | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => (error ? reject(error) : resolve());
    smtp.on("error", reject);
    smtp.connect((error?: Error | null) => {
      if (error || auth === undefined) settle(error);
      else smtp.login(auth, settle);
    });
  });
}

function sent(
  smtp: SMTPConnection,
  envelope: ReturnType<ReturnType<MailComposer["compile"]>["getEnvelope"]>,
  raw: Buffer,
  progress: Progress,
): Promise<void> {
  // Read only when the server has asked for the text.
  const body = new Readable({
    read() {
      progress.phase = "sending";
      this.push(raw);
      this.push(null);
    },
  });
  return new Promise((resolve, reject) => {
    smtp.on("error", reject);
    smtp.once("end", () => reject(new Error("The server closed the connection.")));
    smtp.send(envelope, body, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}

function faultOf(error: SmtpError, phase: Progress["phase"]): Error {
  const detail = oneLine(error.message);
  const { responseCode = 0 } = error;
  // What is wrong with the connection, a password of ours for instance, is not wrong with the mail.
  if (phase === "connecting") return MailUnavailable.with({ detail }, { cause: error });
  if (responseCode >= 500) return MailRefused.with({ detail }, { cause: error });
  if (responseCode >= 400 || phase === "addressing") return MailUnavailable.with({ detail }, { cause: error });
  return MailUnknown.with({ detail }, { cause: error });
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, 300);
}
