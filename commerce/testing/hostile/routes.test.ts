/** Every route, attacked: whatever is sent, the answer is a problem that names what is wrong, and nothing is kept. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkProblem } from "../checked-client.ts";
import { httpOperations } from "../operations.ts";
import { type OpenShop, openShop, until } from "../open-shop.ts";
import { type Attack, attacksOn, goodRequest } from "./attacks.ts";
import { RawClient, eachOf, overSocket } from "./raw.ts";
import { snapshot } from "./snapshot.ts";

let shop: OpenShop;
let raw: RawClient;
let credentials: Readonly<Record<string, string>>;

before(async () => {
  shop = await openShop();
  const admin = await shop.login("admin@example.com");
  credentials = { authorization: `Bearer ${admin.token}` };
  raw = new RawClient(shop.client.url);
  // What the seed set going is done before anything is compared.
  const pending = (): Promise<{ items: unknown[] }> => admin.expect(200, "GET", "/v1/messages?status=queued");
  await until("the first mails are out", pending, ({ items }) => items.length === 0);
});
after(async () => {
  raw.close();
  await shop[Symbol.asyncDispose]();
});

describe("every route", () => {
  test("refuses what does not fit, names it, gives nothing away and keeps nothing", async (t) => {
    const before = await snapshot(shop);
    const wrong: string[] = [];
    let count = 0;
    const attacks = httpOperations.flatMap((operation) =>
      attacksOn(operation, credentials).map((attack) => ({ ...attack, what: `${operation.name}: ${attack.what}` })),
    );
    await eachOf(attacks, async ({ what, request, expect }: Attack) => {
      count += 1;
      try {
        const answer = await raw.send(request);
        if (answer.status >= 400) checkProblem(answer, what);
        expect(answer);
      } catch (error) {
        wrong.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
    t.diagnostic(`${count} attacks on ${httpOperations.length} routes`);
    assert.deepEqual(wrong.slice(0, 40), [], `${wrong.length} of ${count}`);
    assert.deepEqual(await snapshot(shop), before);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });

  test("says which methods it has", async () => {
    await eachOf(httpOperations, async (operation) => {
      const { path } = goodRequest(operation, credentials);
      const [plain = ""] = path.split("?");
      const { headers } = await raw.send({ method: "OPTIONS", path: plain });
      const allowed = String(headers["allow"]).split(", ");
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "LOCK"]) {
        if (allowed.includes(method)) continue;
        const answer = await raw.send({ method, path: plain, headers: credentials });
        checkProblem(answer, `${method} ${plain}`);
        assert.deepEqual([answer.status, answer.body.code], [405, "gateway/method-not-allowed"], `${method} ${plain}`);
        assert.equal(
          String(answer.headers["allow"])
            .split(", ")
            .filter((one) => !allowed.includes(one)).length,
          0,
        );
      }
    });
  });
});

describe("the wire", () => {
  const head = "POST /v1/guests HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n";
  const framings: Readonly<Record<string, string>> = {
    "two lengths": `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    "a length and chunks": `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "a negative length": `${head}Content-Length: -1\r\n\r\n{}`,
    "an unknown coding": `${head}Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n`,
    "a folded header": `${head}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`,
    "a bare line feed": "GET /v1/categories HTTP/1.1\nHost: shop\n\n",
    "a space before the colon": `${head}X-A : b\r\nContent-Length: 2\r\n\r\n{}`,
    "a null byte": "GET /v1/cate\0gories HTTP/1.1\r\nHost: shop\r\n\r\n",
    "two hosts": "GET /v1/categories HTTP/1.1\r\nHost: shop\r\nHost: evil\r\nConnection: close\r\n\r\n",
    "no host": "GET /v1/categories HTTP/1.1\r\nConnection: close\r\n\r\n",
    "another protocol": "GET /v1/categories SMTP/1.0\r\n\r\n",
    "headers without end": `${head}${"X-A: b\r\n".repeat(5_000)}\r\n`,
    "a long header": `${head}X-A: ${"b".repeat(100_000)}\r\n\r\n`,
    "a body in chunks that is too large": `${head}Transfer-Encoding: chunked\r\n\r\n100001\r\n{"a":"${"b".repeat(2 ** 20)}`,
    "a long path": `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: shop\r\n\r\n`,
  };
  for (const [what, bytes] of Object.entries(framings)) {
    test(`${what}: one answer, and the connection closes`, async () => {
      const answer = await overSocket(shop.client.url, bytes);
      assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, answer.slice(0, 500));
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5/);
      if (what !== "two hosts") assert.match(answer, /^HTTP\/1\.1 4\d\d /);
    });
  }

  test("headers from outside mean nothing inside", async () => {
    const claims = {
      "x-user-id": "admin",
      "x-user-roles": "admin",
      "x-forwarded-for": "10.0.0.1",
      "txn-token": "x",
      forwarded: "for=1",
    };
    const answer = await raw.send({ method: "GET", path: "/v1/admin/orders", headers: claims });
    assert.deepEqual([answer.status, answer.body.code], [401, "kernel/unauthenticated"]);
    const traced = await raw.send({
      method: "GET",
      path: "/v1/categories",
      headers: { traceparent: "00-zz-\u00ff-01", tracestate: "a".repeat(5_000) },
    });
    assert.equal(traced.status, 200);
  });
});

test("nothing broke inside", () => {
  assert.deepEqual(shop.complaints, []);
});
