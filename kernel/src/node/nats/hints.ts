/** Hints over core NATS: nothing is kept, nothing is acknowledged. */
import { BrokerUnavailable, type Hints } from "../../events/mod.ts";
import type { Random } from "../../std/mod.ts";
import type { NatsLink } from "./link.ts";
import { hintSubject } from "./names.ts";

/** Hints over a link. What this host tells itself is left out. */
export function natsHints(link: NatsLink, random: Random): Hints {
  const own = Buffer.from(random.bytes(8)).toString("hex");
  return {
    tell(topic) {
      if (!link.isUp) return;
      try {
        link.connection().publish(hintSubject(topic), own);
      } catch (error) {
        // Between the question and the answer the connection may end; nothing else may go wrong.
        if (!BrokerUnavailable.is(error)) throw error;
      }
    },
    onTold: (topic, listener) =>
      link.subscribe(hintSubject(topic), ({ data }) => {
        if (new TextDecoder().decode(data) !== own) listener();
      }),
  };
}
