/** What every way to ask parties outside must do: one suite, run against each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fetch, HttpFailed, type HttpRequest, type HttpResponse } from "../mod.ts";

/** A request as a party outside receives it. */
export interface PartyRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What a party does: answers, or breaks the connection after it has heard the request. */
export type Party = (request: PartyRequest) => Promise<HttpResponse | "cut">;

/** A way to ask, and a party to be asked. */
export interface FetchSubject {
  readonly fetch: Fetch;
  /** Where the party is, without a path. */
  readonly url: string;
  /** Where nobody is. */
  readonly nowhere: string;
  /** The most bytes that an answer may have. */
  readonly responseBytesMax: number;
  /** What the party does from here on. */
  answer(party: Party): void;
  close(): Promise<void>;
}

type Case = (subject: FetchSubject) => Promise<void>;

const hangs = (): Promise<never> => new Promise(() => {});
const ok = (body = ""): HttpResponse => ({ status: 200, headers: {}, body });

async function fails(asking: Promise<HttpResponse>, reason = /./): Promise<void> {
  await assert.rejects(asking, (error) => {
    assert.ok(HttpFailed.is(error), String(error));
    assert.equal(error.kind, "unavailable");
    assert.match(error.data.reason, reason);
    return true;
  });
}

const cases: Readonly<Record<string, Case>> = {
  async "carries method, path, query, headers and body there, and status, headers and body back"(subject) {
    const heard: PartyRequest[] = [];
    subject.answer(async (request) => {
      heard.push(request);
      return { status: 201, headers: { "x-answer": "yes", "content-type": "text/x" }, body: "schöne Grüße" };
    });
    const answer = await subject.fetch({
      method: "PUT",
      url: `${subject.url}/a/b%20c?x=1&y=%26?z`,
      headers: { "Content-Type": "text/x", "X-Mixed": "Case" },
      body: "grüße",
    });
    assert.deepEqual([answer.status, answer.body], [201, "schöne Grüße"]);
    assert.deepEqual([answer.headers["x-answer"], answer.headers["content-type"]], ["yes", "text/x"]);
    const [request] = heard;
    assert.equal(heard.length, 1);
    assert.deepEqual(
      [request?.method, request?.path, request?.query, request?.body],
      ["PUT", "/a/b%20c", "x=1&y=%26?z", "grüße"],
    );
    assert.deepEqual([request?.headers["content-type"], request?.headers["x-mixed"]], ["text/x", "Case"]);
  },

  async "goes to the root when the URL has no path, with no body when there is none"(subject) {
    subject.answer(async ({ path, query, body }) => ok(JSON.stringify([path, query, body])));
    const answer = await subject.fetch({ method: "GET", url: subject.url });
    assert.deepEqual(JSON.parse(answer.body), ["/", "", ""]);
  },

  async "resolves whatever the status is, and follows no redirect"(subject) {
    let asked = 0;
    for (const status of [204, 302, 404, 429, 500, 503]) {
      subject.answer(async () => {
        asked += 1;
        return { status, headers: status === 302 ? { location: `${subject.url}/elsewhere` } : {}, body: "" };
      });
      assert.equal((await subject.fetch({ method: "GET", url: `${subject.url}/x` })).status, status);
    }
    assert.equal(asked, 6);
  },

  async "is one fault, unavailable, when nobody is there"(subject) {
    await fails(subject.fetch({ method: "GET", url: subject.nowhere }));
  },

  async "is that fault when the connection breaks, although the party heard the request"(subject) {
    let heard = 0;
    subject.answer(async () => {
      heard += 1;
      return "cut";
    });
    await fails(subject.fetch({ method: "POST", url: `${subject.url}/x`, body: "a" }));
    assert.equal(heard, 1);
  },

  async "is that fault when it takes too long"(subject) {
    subject.answer(hangs);
    const order: number[] = [];
    const asking = [400, 30].map(async (timeoutMs) => {
      await fails(subject.fetch({ method: "GET", url: `${subject.url}/x`, timeoutMs }));
      order.push(timeoutMs);
    });
    await Promise.all(asking);
    assert.deepEqual(order, [30, 400]);
  },

  async "is that fault when the answer is too large"(subject) {
    subject.answer(async () => ok("x".repeat(subject.responseBytesMax)));
    const answer = await subject.fetch({ method: "GET", url: `${subject.url}/x` });
    assert.equal(answer.body.length, subject.responseBytesMax);
    subject.answer(async () => ok("x".repeat(subject.responseBytesMax + 1)));
    await fails(subject.fetch({ method: "GET", url: `${subject.url}/x` }), /larger/);
  },

  async "is that fault when the caller gives up"(subject) {
    const abort = new AbortController();
    subject.answer(() => {
      abort.abort();
      return hangs();
    });
    await fails(subject.fetch({ method: "GET", url: `${subject.url}/x` }, abort.signal), /gave up/);
  },

  async "asks nobody when the caller gave up before"(subject) {
    const heard: string[] = [];
    subject.answer(async ({ path }) => {
      heard.push(path);
      return ok();
    });
    await fails(subject.fetch({ method: "GET", url: `${subject.url}/given-up` }, AbortSignal.abort()), /gave up/);
    await subject.fetch({ method: "GET", url: `${subject.url}/after` });
    assert.deepEqual(heard, ["/after"]);
  },

  async "asks nobody when the request is none"(subject) {
    let heard = 0;
    subject.answer(async () => {
      heard += 1;
      return ok();
    });
    const wrong: readonly Partial<HttpRequest>[] = [
      { url: "nonsense" },
      { url: "" },
      { url: "file:///etc/passwd" },
      { headers: { "x-a": "b\r\nx-injected: c" } },
      { headers: { "x a": "b" } },
    ];
    for (const part of wrong) {
      await fails(subject.fetch({ method: "GET", url: `${subject.url}/x`, ...part }));
    }
    assert.equal(heard, 0);
  },
};

/** Declares the suite. `make` gives a way and a party of their own to each case. */
export function fetchConformance(name: string, make: () => Promise<FetchSubject>): void {
  void describe(`fetch: ${name}`, () => {
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
