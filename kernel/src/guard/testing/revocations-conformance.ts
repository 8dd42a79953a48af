/** What every implementation of revocations must do: one suite, run against each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Revocations } from "../mod.ts";

/** Revocations as two hosts see them. */
export interface RevocationsSubject {
  readonly here: Revocations;
  readonly there: Revocations;
  /** Milliseconds since 1970. */
  now(): number;
  /** Moves the clock of both hosts on. */
  pass(ms: number): Promise<void>;
  /** Resolves when what is known here may have been heard there once more. */
  heard(): Promise<void>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

const cases: Readonly<Record<string, (subject: RevocationsSubject) => Promise<void>>> = {
  async "knows nothing of what nobody revoked"({ here, there }) {
    assert.equal(here.isRevoked("session/a"), false);
    assert.equal(there.isRevoked("session/a"), false);
  },

  async "knows at once here, and soon there"({ here, there, now, heard }) {
    await here.revoke([{ id: "session/a", untilMs: now() + HOUR_MS }]);
    assert.equal(here.isRevoked("session/a"), true);
    while (!there.isRevoked("session/a")) await heard();
    assert.equal(there.isRevoked("session/b"), false);
    assert.equal(there.isRevoked("token/a"), false);
  },

  async "knows each of many"({ here, there, now, heard }) {
    const ids = Array.from({ length: 1_200 }, (_, at) => `session/${at}`);
    await here.revoke(ids.map((id) => ({ id, untilMs: now() + HOUR_MS })));
    while (!ids.every((id) => there.isRevoked(id))) await heard();
  },

  async "may be told twice, and the longer time counts"({ here, there, now, pass, heard }) {
    await here.revoke([{ id: "session/a", untilMs: now() + HOUR_MS }]);
    await there.revoke([{ id: "session/a", untilMs: now() + 1_000 }]);
    while (!there.isRevoked("session/a")) await heard();
    await here.revoke([{ id: "session/last", untilMs: now() + HOUR_MS }]);
    while (!there.isRevoked("session/last")) await heard();
    await pass(2_000);
    assert.equal(here.isRevoked("session/a"), true);
    assert.equal(there.isRevoked("session/a"), true);
  },

  async "forgets what would have expired by now"({ here, there, now, pass, heard }) {
    await here.revoke([
      { id: "session/a", untilMs: now() + 1_000 },
      { id: "session/b", untilMs: now() + HOUR_MS },
    ]);
    while (!there.isRevoked("session/b")) await heard();
    await pass(1_001);
    for (const host of [here, there]) {
      assert.equal(host.isRevoked("session/a"), false);
      assert.equal(host.isRevoked("session/b"), true);
    }
  },
};

/** Declares the suite. `make` gives revocations of their own to each case. */
export function revocationsConformance(name: string, make: () => Promise<RevocationsSubject>): void {
  void describe(`revocations, ${name}`, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, async () => {
        const subject = await make();
        try {
          await run(subject);
        } finally {
          await subject.close();
        }
      });
    }
  });
}
