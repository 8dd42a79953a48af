/**
 * Mistakes that show only where a service has replicas: in who leads, in what a leader may still do, in calls that find
 * another replica.
 *
 * Left out, because the fence stands behind them: a leader that does not step down when its beats fail, and one that
 * believes in its lease beyond its end. Because it costs time and nothing else: a leader that ends without giving its lease
 * back, a caller that forgets all instances when the registry is lost. And because it was not found: not looking for what
 * other replicas recorded (a later hint or commit brings what a lost one told of).
 */
import type { Mutant } from "./mutant.ts";

/** The mutants of replicas. */
export const replicaMutants: readonly Mutant[] = [
  {
    name: "the fence is not checked",
    what: "a leader that was deposed while it stood still decides on sagas beside its successor",
    needsReplicas: true,
    file: "kernel/src/runtime/leadership.ts",
    find: "if (row?.token !== token) throw LeaseLost.with({ service });",
    replace: "void [row, token, LeaseLost, service];",
  },
  {
    name: "a new leader goes on with the old one's token",
    what: "nothing tells the two apart: both lead",
    needsReplicas: true,
    file: "kernel/src/runtime/leadership.ts",
    find: `"UPDATE isomer_lease SET holder = ?, token = token + 1, beat = 0 WHERE name = ? AND token = ? AND beat = ?"`,
    replace: `"UPDATE isomer_lease SET holder = ?, beat = 0 WHERE name = ? AND token = ? AND beat = ?"`,
    also: [
      {
        find: "return taken === 1 ? row.token + 1 : undefined;",
        replace: "return taken === 1 ? row.token : undefined;",
      },
    ],
  },
  {
    name: "a lease is renewed after its end",
    what: "a leader that was deposed takes its token back",
    needsReplicas: true,
    file: "kernel/src/runtime/leadership.ts",
    find: `UPDATE isomer_beat SET beat = beat + 1 WHERE name = ? AND token = ?
  AND token = (SELECT l.token FROM isomer_lease l WHERE l.name = isomer_beat.name)`,
    replace: "UPDATE isomer_lease SET beat = beat + 1, token = ?2 WHERE name = ?1",
  },
  {
    name: "a replica that follows runs sagas, too",
    what: "two engines decide on one saga",
    needsReplicas: true,
    file: "kernel/src/runtime/background.ts",
    find: `{ kind: this.#leadership === undefined ? "alone" : "follows" }`,
    replace: `{ kind: "alone" }`,
  },
  {
    name: "a new leader does not go on with what was begun",
    what: "the sagas of the old one stay where they are",
    needsReplicas: true,
    file: "kernel/src/runtime/background.ts",
    find: `this.#hear();
        await this.#work();`,
    replace: "this.#hear();",
  },
  {
    name: "a call that may have begun is sent to another replica under another key",
    what: "it takes effect twice",
    needsReplicas: true,
    file: "kernel/src/transport/fleet-pool.ts",
    find: "if (!wasNotStarted(error)) break;",
    replace: "if (!wasNotStarted(error) && !Unreachable.is(error)) break;",
    also: [
      {
        find: "await link.channel.send(envelope, userToken);",
        replace:
          "await link.channel.send(hop === 0 ? envelope : { ...envelope, key: `${envelope.key}-${hop}` }, userToken);",
      },
    ],
  },
];
