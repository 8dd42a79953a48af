/**
 * Mistakes in how events are recorded, carried and heard.
 *
 * Left out, because they change nothing that matters: forgetting to clear what a transaction that runs again has emitted
 * (somebody is woken once more), losing the notification after a commit (the log is looked at anyway), a listener that
 * sets its cursor back to the broker's end (the inbox knows what is read again). And because the handlers of the shop bear
 * another order: a later event of a key that overtakes an earlier one which is tried again.
 */
import type { Mutant } from "./mutant.ts";

/** The mutants of events. */
export const deliveryMutants: readonly Mutant[] = [
  {
    name: "no inbox",
    what: "an event that comes again takes effect again",
    file: "kernel/src/events/inbox.ts",
    find: "return (await connection.run(CLAIM, [consumer, event.id, event.service, event.position, at])) === 1;",
    replace: "await connection.run(CLAIM, [consumer, event.id, event.service, event.position, at]);\n  return true;",
  },
  {
    name: "inbox row before the effect, in a commit of its own",
    what: "a crash in between loses the effect",
    file: "kernel/src/events/consumer.ts",
    find: `return await this.transact(
        label,
        async (connection) => {
          if (!(await claimEvent(connection, this.name, event, this.now()))) return "repeated";`,
    replace: `const claimed = await this.transact(label, (connection) =>
        claimEvent(connection, this.name, event, this.now()),
      );
      if (!claimed) return "repeated";
      return await this.transact(
        label,
        async (connection) => {`,
  },
  {
    name: "inbox row after the effect, in a commit of its own",
    what: "a crash in between doubles the effect",
    file: "kernel/src/events/consumer.ts",
    find: `return await this.transact(
        label,
        async (connection) => {
          if (!(await claimEvent(connection, this.name, event, this.now()))) return "repeated";
          await this.deliver(event, connection);
          return "done";
        },
        event,
      );`,
    replace: `const known = await this.transact(label, (connection) =>
        connection.all("SELECT 1 FROM isomer_inbox WHERE consumer = ? AND event_id = ?", [this.name, event.id]),
      );
      if (known.length > 0) return "repeated";
      await this.transact(label, (connection) => this.deliver(event, connection), event);
      await this.transact(label, (connection) => claimEvent(connection, this.name, event, this.now()));
      return "done";`,
  },
  {
    name: "an event is finished before its commit",
    what: "what fails, or dies with the process, is never done",
    file: "kernel/src/events/consumer.ts",
    find: 'const outcome = event === undefined ? "done" : await this.#attempt(event, lane);',
    replace: 'if (event !== undefined) void this.#attempt(event, lane);\n    const outcome = "done" as Outcome;',
  },
  {
    name: "a listener begins where the log ends",
    what: "what was recorded while it was down is left out",
    file: "kernel/src/events/consumer.ts",
    find: "this.#read = position;",
    replace: "this.#read = Math.max(position, await this.source.head());",
  },
  {
    name: "a handler that failed counts as done",
    what: "an event that came too early is dropped",
    file: "kernel/src/runtime/hearing.ts",
    find: 'span.fail({ code: "event-handler", kind: "unavailable" });\n    throw error;',
    replace: 'span.fail({ code: "event-handler", kind: "unavailable" });\n    world.log.warn("dropped", { error });',
  },
  {
    name: "what fails by an outage is given up",
    what: "an event becomes a dead letter because a database was away",
    file: "kernel/src/events/consumer.ts",
    find: 'if (fault.kind === "unavailable" || fault.kind === "exhausted") return "failed";',
    replace:
      'if (fault.kind === "unavailable" || fault.kind === "exhausted") return this.#bury(event, fault, attempt);',
  },
  {
    name: "the relay sends what is new to it",
    what: "events whose sender died before it sent them are never sent",
    file: "kernel/src/events/relay.ts",
    find: "const head = await broker.head(service);",
    replace: "const head = await source.head();",
  },
  {
    name: "the relay trusts what it remembers",
    what: "a broker that forgot never gets again what it lost",
    file: "kernel/src/events/relay.ts",
    find: "// The broker may have lost something meanwhile: only it knows.\n      this.#head = undefined;\n",
    replace: "",
    also: [
      {
        find: "    } catch (error) {\n      this.#head = undefined;\n",
        replace: "    } catch (error) {\n",
      },
      {
        find: "this.#head = await broker.append(holes === undefined ? run : { ...run, holes });",
        replace: "await broker.append(holes === undefined ? run : { ...run, holes });\n        this.#head = upTo;",
      },
    ],
  },
  {
    name: "the broker takes a run after a gap",
    what: "events before the gap are never carried",
    file: "kernel/src/sim/broker.ts",
    find: "if (after > stream.upTo || upTo <= stream.upTo) return stream.upTo;",
    replace: "if (upTo <= stream.upTo) return stream.upTo;",
  },
  {
    name: "sequence from the process's memory",
    what: "a transaction that is undone leaves a gap in a key's sequence",
    file: "kernel/src/events/recorder.ts",
    find: "  return appendEvent(connection, {",
    replace: `  const known = remembered.get(options.ids) ?? new Map<string, number>();
  remembered.set(options.ids, known);
  const ahead = known.get(keyOf(event, checked));
  const key = keyOf(event, checked);
  const [last] = await connection.all<{ n: number | null }>("SELECT MAX(sequence) AS n FROM isomer_log WHERE key = ?", [key]);
  const next = Math.max(ahead ?? 0, last?.n ?? 0) + 1;
  known.set(key, next);
  const appended = await appendEvent(connection, {`,
    also: [
      {
        find: "    trace: options.trace,\n  });\n}",
        replace: `    trace: options.trace,
  });
  if (appended.sequence === next) return appended;
  await connection.run("UPDATE isomer_log SET sequence = ? WHERE id = ?", [next, appended.id]);
  return { ...appended, sequence: next };
}

const remembered = new WeakMap<object, Map<string, number>>();`,
      },
    ],
  },
];
