/** Simulated cryptography is held to what the real one does, and the two understand one another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.ts";
import { cryptoAgreement, cryptoConformance } from "../security/testing/crypto-conformance.ts";
import { forkedRandom } from "./random.ts";
import { simulatedCrypto } from "./real/crypto.ts";

let hosts = 0;
const simulated = () => simulatedCrypto(forkedRandom(1, `crypto/host#${(hosts += 1)}`));

cryptoConformance("simulated", simulated);
cryptoAgreement("the simulated and OpenSSL's", simulated(), nodeCrypto());

test("simulated keys are the seed's", () => {
  const keyOf = (seed: number) => simulatedCrypto(forkedRandom(seed, "crypto")).ed25519.generateKeyPair();
  assert.deepEqual(keyOf(1), keyOf(1));
  assert.notDeepEqual(keyOf(1), keyOf(2));
});
