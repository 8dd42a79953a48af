/** What every shared count of rates must do: one suite, run against each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type RateLimitOptions, RateLimiter, type SharedRates } from "../mod.ts";

/** A count as two gateways see it. Each call of `make` gives counts of their own. */
export interface RatesSubject {
  make(options: RateLimitOptions): { readonly here: SharedRates; readonly there: SharedRates };
  /** Moves the time of the count on. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const cases: Readonly<Record<string, (subject: RatesSubject) => Promise<void>>> = {
  async "allows the limit once, wherever it is taken"({ make }) {
    const { here, there } = make({ limit: 4, windowMs: 4_000 });
    const taken = await Promise.all([here, there, here, there, here, there].map((gateway) => gateway.take("a", 1)));
    assert.equal(taken.filter((decision) => decision?.allowed).length, 4);
    assert.equal((await there.take("b", 4))?.allowed, true, "keys are apart");
  },

  async "tells when to return, and keeps its word"({ make, pass }) {
    const { here, there } = make({ limit: 3, windowMs: 3_000 });
    assert.deepEqual(await here.take("a", 3), {
      allowed: true,
      limit: 3,
      remaining: 0,
      resetMs: 3_000,
      retryAfterMs: 0,
    });
    await pass(200);
    const refused = { allowed: false, limit: 3, remaining: 0, resetMs: 2_800, retryAfterMs: 800 };
    assert.deepEqual(await there.take("a", 1), refused);
    await pass(799);
    assert.equal((await there.take("a", 1))?.allowed, false);
    await pass(1);
    assert.equal((await there.take("a", 1))?.allowed, true);
  },

  async "charges nothing for what it refuses"({ make }) {
    const { here } = make({ limit: 2, windowMs: 1_000 });
    assert.equal((await here.take("a", 3))?.allowed, false);
    assert.equal((await here.take("a", 2))?.allowed, true);
  },

  async "decides as one limiter in memory would"({ make, pass }) {
    const steps = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 5 }), passMs: fc.nat(700) }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const options = { limit: 7, windowMs: 1_400 };
        const { here, there } = make(options);
        const one = new RateLimiter(options);
        let now = 0;
        for (const [at, { cost, passMs }] of taken.entries()) {
          const gateway = at % 2 === 0 ? here : there;
          assert.deepEqual(await gateway.take("key", cost), one.take("key", cost, now));
          await pass(passMs);
          now += passMs;
        }
      }),
      { numRuns: 25 },
    );
  },
};

/** Declares the suite. */
export function ratesConformance(name: string, open: () => Promise<RatesSubject>): void {
  void describe(`shared rates, ${name}`, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, async () => {
        const subject = await open();
        try {
          await run(subject);
        } finally {
          await subject.close();
        }
      });
    }
  });
}
