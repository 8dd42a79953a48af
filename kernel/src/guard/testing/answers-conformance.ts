/** What every place for shared answers must do: one suite, run against each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ANSWER_LENGTH_MAX, type SharedAnswers } from "../mod.ts";

/** A place as two hosts see it. */
export interface AnswersSubject {
  readonly here: SharedAnswers;
  readonly there: SharedAnswers;
  /** Resolves when this much time has passed for the place. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const LONG_MS = 60_000;

/** Resolves to the answer as soon as there is one: putting does not wait. */
async function until(answers: SharedAnswers, key: string): Promise<string> {
  for (;;) {
    const found = await answers.get(key);
    if (found !== undefined) return found.value;
  }
}

const cases: Readonly<Record<string, (subject: AnswersSubject) => Promise<void>>> = {
  async "has no answer to what nobody asked"({ here }) {
    assert.equal(await here.get("price\nfree"), undefined);
  },

  async "gives one host's answer to another, with how long it is good"({ here, there }) {
    here.put("price\na", '{"amount":1}', LONG_MS);
    assert.equal(await until(there, "price\na"), '{"amount":1}');
    const { freshMs = 0 } = (await there.get("price\na")) ?? {};
    assert.ok(freshMs > 0 && freshMs <= LONG_MS);
  },

  async "keeps the later of two answers"({ here, there }) {
    here.put("price\nb", "1", LONG_MS);
    await until(here, "price\nb");
    here.put("price\nb", "2", LONG_MS);
    while ((await there.get("price\nb"))?.value !== "2");
  },

  async "keeps keys apart"({ here, there }) {
    here.put("price\nc", "1", LONG_MS);
    await until(there, "price\nc");
    assert.equal(await there.get("price\nC"), undefined);
    assert.equal(await there.get("price\n"), undefined);
  },

  async "forgets an answer whose time is over"({ here, there, pass }) {
    here.put("price\nd", "1", 300);
    await until(there, "price\nd");
    await pass(301);
    assert.equal(await there.get("price\nd"), undefined);
  },

  async "does not keep what is too long, or good for no time"({ here }) {
    here.put("price\ne", "x".repeat(ANSWER_LENGTH_MAX + 1), LONG_MS);
    here.put("price\nf", "1", 0);
    here.put("price\ng", "1", -5);
    here.put("price\nlast", "1", LONG_MS);
    await until(here, "price\nlast");
    for (const key of ["e", "f", "g"]) assert.equal(await here.get(`price\n${key}`), undefined);
  },
};

/** Declares the suite. `make` gives a place of its own to each case. */
export function answersConformance(name: string, make: () => Promise<AnswersSubject>): void {
  void describe(`shared answers, ${name}`, () => {
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
