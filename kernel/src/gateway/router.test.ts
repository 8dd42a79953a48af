import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Router } from "./router.ts";

function routerOf(...routes: readonly string[]): Router<string> {
  const router = new Router<string>();
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    router.add(method, path, route, route);
  }
  return router;
}

describe("router", () => {
  test("static segments come before fields, and are given up when they lead nowhere", () => {
    const router = routerOf("GET /a/:x", "GET /a/b", "GET /a/:x/c", "GET /a/b/d", "GET /");
    assert.deepEqual(router.match("GET", "/a/b"), { target: "GET /a/b", values: [] });
    assert.deepEqual(router.match("GET", "/a/z"), { target: "GET /a/:x", values: ["z"] });
    assert.deepEqual(router.match("GET", "/a/b/c"), { target: "GET /a/:x/c", values: ["b"] });
    assert.deepEqual(router.match("GET", "/a/b/d"), { target: "GET /a/b/d", values: [] });
    assert.deepEqual(router.match("GET", "/"), { target: "GET /", values: [] });
  });

  test("what is not there is not found: other case, more slashes, empty fields, longer paths", () => {
    const router = routerOf("GET /a/:x", "POST /b");
    for (const path of ["/A/z", "//a/z", "/a/", "/a", "/a/z/", "/a/z/y", "", "a/z", "/b/..", "/%61/z"]) {
      assert.equal(router.match("GET", path), undefined, path);
    }
  });

  test("other methods of a path are told, those of a field too", () => {
    const router = routerOf("POST /a/b", "GET /a/:x", "DELETE /a/:x");
    assert.deepEqual(router.match("PUT", "/a/b"), { allow: ["DELETE", "GET", "POST"] });
    assert.deepEqual(router.match("GET", "/a/b"), { target: "GET /a/:x", values: ["b"] });
    assert.deepEqual(router.match("HEAD", "/a/b"), { target: "GET /a/:x", values: ["b"] });
  });

  test("two routes of one shape are refused at the start, whatever their fields are called", () => {
    assert.throws(() => routerOf("GET /a/:x", "GET /a/:y"), /GET \/a\/:y and GET \/a\/:x are both at GET/);
    assert.throws(() => routerOf("GET /a/b:x"), /must be a whole segment/);
    routerOf("GET /a/:x", "PUT /a/:y");
  });

  test("a path of very many segments costs no more than the tree is deep", () => {
    const router = routerOf("GET /:a/:b/:c");
    assert.equal(router.match("GET", "/x".repeat(100_000)), undefined);
  });
});
