/** How JetStream refuses a message that was meant to follow another one. */
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";

/** Whether an error says that the stream has another last message than was expected. */
export function isFenced(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
}
