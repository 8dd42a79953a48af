import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nodeCrypto } from "@isomer/kernel/node";
import { type Kind, deriver, readRefreshName, refreshName } from "./derived.ts";

const crypto = nodeCrypto();
const derive = deriver(crypto, "a secret");
const kinds: readonly Kind[] = ["refresh", "link", "api-key"];
const name = fc
  .tuple(fc.uuid(), fc.option(fc.nat(1_000_000)))
  .map(([id, generation]) => (generation === null ? id : refreshName(id, generation)));

void test("a secret is read back as its name, and only for what it was made for", () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.constantFrom(...kinds), name, (made, read, text) => {
      assert.equal(derive.read(read, derive.make(made, text)), made === read ? text : undefined);
    }),
  );
});

void test("another secret, another pepper or one changed character makes it nobody's", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      name,
      fc.nat(),
      fc.constantFrom("a", "B", "3", "_", "-", "."),
      (kind, text, place, other) => {
        const token = derive.make(kind, text);
        assert.equal(deriver(crypto, "b secret").read(kind, token), undefined);
        assert.equal(deriver(crypto, "a secret", "salt and pepper").read(kind, token), undefined);
        const at = place % token.length;
        const changed = token.slice(0, at) + other + token.slice(at + 1);
        assert.equal(derive.read(kind, changed), changed === token ? text : undefined);
      },
    ),
  );
});

void test("the same name gives the same secret: an answer that was lost can be made again", () => {
  assert.equal(derive.make("refresh", "s.1"), deriver(crypto, "a secret").make("refresh", "s.1"));
  assert.deepEqual(readRefreshName(refreshName("s", 41)), { sessionId: "s", generation: 41 });
});
