/** A meter: of each reading one event that is kept for a day, and one that is kept for ever. */
import { anyone, command, contract, event } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { implement } from "../mod.ts";

/** How long samples are kept, in milliseconds. */
export const DAY_MS = 24 * 3_600_000;
/** What is read, and told. */
export const Entry = t.object({ id: t.text() });

/** What it does and tells. */
export const meter = contract("meter", {
  version: "1.0.0",
  commands: { read: command({ input: Entry, output: Entry, allow: [anyone] }) },
  events: { sampled: event({ key: "id", data: Entry, keepMs: DAY_MS }), billed: event({ key: "id", data: Entry }) },
});
/** What emits both events in one transaction, so that a log holds as many of one kind as of the other. */
export const meterService = implement()(meter, {
  commands: {
    read: (input, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.emit(meter.events.sampled, input);
        await tx.emit(meter.events.billed, input);
        return input;
      }),
  },
  queries: {},
});
