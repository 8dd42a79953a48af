/**
 * How answers from other hosts are read. The other side may run another build: what it added is left out, so that a
 * service which hands an answer on does not fail over it; what it lacks is a fault here, and no surprise in a handler.
 */
import type { ContractBase, Operation } from "../contract/mod.ts";
import { Invalid, type InvalidData, type Pruner, type Validator, pruner, validator } from "../schema/mod.ts";
import { type FaultType, defineFault, isFault } from "../std/mod.ts";
import type { Transport } from "../transport/mod.ts";

/** The other side answered what this build cannot read: their contracts differ by more than they may. */
export const AnswerUnfit: FaultType<InvalidData> = defineFault({
  code: "kernel/answer-unfit",
  kind: "broken",
  message: ({ what, issues }) =>
    `The ${what} does not fit this build's contract (${issues[0]?.path ?? ""} ${issues[0]?.message ?? ""}). ` +
    "Compare the two versions with `isomer contract diff`, and deploy in the order that it says.",
});

interface Reader {
  readonly prune: Pruner;
  readonly validator: Validator<unknown>;
}

/** A transport whose answers are read by this build's contracts. Answers of services that it does not know stay as they are. */
export function readingTransport(transport: Transport, contracts: readonly ContractBase[]): Transport {
  const readers = new Map<string, Reader>();
  for (const { name, commands, queries } of contracts) {
    for (const [operation, { output }] of Object.entries<Operation>({ ...commands, ...queries })) {
      const at = `${name}.${operation}`;
      readers.set(at, { prune: pruner(output), validator: validator(output, `answer of ${at}`) });
    }
  }
  return {
    async send(envelope) {
      const reply = await transport.send(envelope);
      const reader = readers.get(`${envelope.service}.${envelope.operation}`);
      if (reader === undefined) return reply;
      return { ...reply, output: read(reader, reply.output) };
    },
  };
}

function read({ prune, validator: checked }: Reader, output: unknown): unknown {
  try {
    return checked.parse(prune(output));
  } catch (error) {
    if (!isFault(error) || !Invalid.is(error)) throw error;
    throw AnswerUnfit.with(error.data);
  }
}
