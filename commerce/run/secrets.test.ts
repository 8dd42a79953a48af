import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DEMO_PASSWORD, loadSecrets } from "./secrets.ts";

let root: string;
let made = 0;
before(() => {
  root = mkdtempSync(join(tmpdir(), "isomer-secrets-"));
});
after(() => rmSync(root, { recursive: true }));

const newFolder = (): string => join(root, String((made += 1)));
const kept = (folder: string): string => readFileSync(join(folder, "secrets.json"), "utf8");

describe("secrets", () => {
  test("are made once, apart for each installation, and only the owner can read them", () => {
    const [one, other] = [newFolder(), newFolder()];
    const first = loadSecrets(one, { environment: {} });
    assert.deepEqual(loadSecrets(one, { environment: {} }), first);
    assert.notEqual(loadSecrets(other, { environment: {} }).paymentsApiKey, first.paymentsApiKey);
    assert.equal(statSync(join(one, "secrets.json")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(one), ["secrets.json"]);
  });

  test("that the environment gives are used, and are not written down", () => {
    const folder = newFolder();
    const file = join(root, "webhook-secret");
    writeFileSync(file, "from-a-file-of-the-vault\n");
    const environment = { PAYMENTS_API_KEY: "from-the-environment", PAYMENTS_WEBHOOK_SECRET_FILE: file };
    const secrets = loadSecrets(folder, { environment });
    assert.deepEqual(
      [secrets.paymentsApiKey, secrets.paymentsWebhookSecret],
      ["from-the-environment", "from-a-file-of-the-vault"],
    );
    assert.doesNotMatch(kept(folder), /from-/);
    assert.equal(loadSecrets(folder, { environment }).carrierApiKey, secrets.carrierApiKey);
  });

  test("that the environment leaves empty are not empty", () => {
    const secrets = loadSecrets(newFolder(), { environment: { PAYMENTS_API_KEY: "", CARRIER_API_KEY_FILE: "" } });
    assert.ok(secrets.paymentsApiKey.length > 20 && secrets.carrierApiKey.length > 20);
  });

  test("that are too short are refused, by name and not by value", () => {
    const environment = { CARRIER_WEBHOOK_SECRET: "hunter2" };
    assert.throws(
      () => loadSecrets(newFolder(), { environment }),
      ({ message }: Error) => message.includes("CARRIER_WEBHOOK_SECRET") && !message.includes("hunter2"),
    );
  });

  test("whose file cannot be read are refused, by the name of the variable", () => {
    const environment = { PAYMENTS_API_KEY_FILE: join(root, "nowhere") };
    assert.throws(() => loadSecrets(newFolder(), { environment }), {
      code: "run/bad-setting",
      message: /^\$PAYMENTS_API_KEY_FILE names a file that cannot be read: .*nowhere/,
    });
  });

  test("that cannot be read are not made anew silently", () => {
    const folder = newFolder();
    loadSecrets(folder, { environment: {} });
    writeFileSync(join(folder, "secrets.json"), '{"paymentsApiKey": "ha');
    assert.throws(() => loadSecrets(folder, { environment: {} }), /secrets\.json is not JSON/);
    assert.match(kept(folder), /"ha$/);
  });

  test("nothing is written when everything is given", () => {
    const folder = newFolder();
    const names = ["PAYMENTS_API_KEY", "PAYMENTS_WEBHOOK_SECRET", "CARRIER_API_KEY", "CARRIER_WEBHOOK_SECRET"];
    const environment = Object.fromEntries([...names, "DEMO_PASSWORD"].map((name) => [name, "long-enough-secret"]));
    loadSecrets(folder, { environment });
    assert.ok(!existsSync(folder));
  });
});

describe("the demo's password", () => {
  test("is for people to type, but not where other machines can reach the shop", () => {
    assert.equal(loadSecrets(newFolder(), { environment: {} }).demoPassword, DEMO_PASSWORD);
    const reachable = loadSecrets(newFolder(), { environment: {}, isReachable: true });
    assert.notEqual(reachable.demoPassword, DEMO_PASSWORD);
    assert.ok(reachable.demoPassword.length >= 16);
  });
});
