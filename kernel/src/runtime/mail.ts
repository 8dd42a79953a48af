/**
 * Mail as a port. A mail must not go out twice, so a failure has to say which of three it is: refused for good, not
 * taken this time (send it again), or nobody knows (do not send it again).
 */
import { type FaultType, defineFault } from "../std/mod.ts";

/** A mail as it is to be sent. */
export interface Mail {
  /** Unique, without angle brackets: becomes the `Message-ID`, by which receivers recognise a repetition. */
  readonly id: string;
  /** `Name <address>` or an address. */
  readonly from: string;
  /** One address. */
  readonly to: string;
  /** One line. */
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** Sends mails. */
export interface MailPort {
  /**
   * Hands a mail to the mail server; resolves when the server has taken it.
   * @throws {MailRefused}, {@link MailUnavailable}, {@link MailUnknown}
   */
  send(mail: Mail): Promise<void>;
}

/** The server will never take this mail: the address does not exist, or it is not allowed. Do not repeat. */
export const MailRefused: FaultType<{ detail: string }> = defineFault({
  code: "kernel/mail-refused",
  kind: "conflict",
  message: ({ detail }) => `The mail server refused the mail for good: ${detail}`,
});

/** The server certainly did not take the mail. Send it again later. */
export const MailUnavailable: FaultType<{ detail: string }> = defineFault({
  code: "kernel/mail-unavailable",
  kind: "unavailable",
  message: ({ detail }) => `The mail server did not take the mail this time: ${detail}`,
});

/** The connection broke after the mail was on its way: it may have been taken. Sending again could send it twice. */
export const MailUnknown: FaultType<{ detail: string }> = defineFault({
  code: "kernel/mail-unknown",
  kind: "broken",
  message: ({ detail }) => `Nobody knows whether the mail server took the mail: ${detail}`,
});
