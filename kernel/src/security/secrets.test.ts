import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../schema/mod.ts";
import { BadSettings, resolveSettings, settingVariable } from "./secrets.ts";

const schema = t.object({
  webhookSecret: t.secret(t.text({ minLength: 8 })),
  retries: t.integer({ minimum: 0, maximum: 9, default: 3 }),
  live: t.optional(t.boolean()),
  hosts: t.optional(t.array(t.text())),
});
const files: Readonly<Record<string, string>> = { "/run/secret": "from a file\n" };
const readFile = (path: string): string => files[path] ?? assert.fail("no such file");
const resolve = (env: Record<string, string>, given: Record<string, unknown> = {}) =>
  resolveSettings({ service: "payments", schema, given, env, readFile });

function problems(env: Record<string, string>, given: Record<string, unknown> = {}): string {
  try {
    resolve(env, given);
  } catch (error) {
    assert.ok(BadSettings.is(error));
    return error.data.problems.join("\n");
  }
  return assert.fail("the settings were accepted");
}

void test("a variable is named after the service and the setting", () => {
  assert.equal(settingVariable("payments", "webhookSecret"), "ISOMER_PAYMENTS_WEBHOOK_SECRET");
  assert.equal(settingVariable("sandboxPay", "url2Try"), "ISOMER_SANDBOX_PAY_URL2_TRY");
});

void test("variables win over what is given, defaults fill in, values are read as the schema asks", () => {
  const given = { webhookSecret: "given secret", retries: 1 };
  assert.deepEqual(resolve({}, { webhookSecret: "given secret" }), { webhookSecret: "given secret", retries: 3 });
  const env = {
    ISOMER_PAYMENTS_RETRIES: "7",
    ISOMER_PAYMENTS_LIVE: "true",
    ISOMER_PAYMENTS_HOSTS: '["a","b"]',
    ISOMER_OTHER_RETRIES: "8",
  };
  assert.deepEqual(resolve(env, given), { ...given, retries: 7, live: true, hosts: ["a", "b"] });
});

void test("a secret is read from the file that a variable names, without the last newline", () => {
  assert.equal(resolve({ ISOMER_PAYMENTS_WEBHOOK_SECRET_FILE: "/run/secret" }).webhookSecret, "from a file");
});

void test("problems name the variable", () => {
  assert.match(problems({}), /"webhookSecret" is missing: set ISOMER_PAYMENTS_WEBHOOK_SECRET, or .*_FILE/);
  const both = { ISOMER_PAYMENTS_WEBHOOK_SECRET: "x".repeat(9), ISOMER_PAYMENTS_WEBHOOK_SECRET_FILE: "/run/secret" };
  assert.match(problems(both), /ISOMER_PAYMENTS_WEBHOOK_SECRET and \S+_FILE are both set/);
  assert.match(
    problems({ ISOMER_PAYMENTS_WEBHOOK_SECRET_FILE: "/none" }),
    /SECRET_FILE names a file that cannot be read/,
  );
  assert.match(problems({ ISOMER_PAYMENTS_RETRIES: "many" }), /"retries" \(ISOMER_PAYMENTS_RETRIES\) must be/);
});

void test("no value gets into a message, secret or not", () => {
  const env = {
    ISOMER_PAYMENTS_WEBHOOK_SECRET: "canary1",
    ISOMER_PAYMENTS_RETRIES: "canary2",
    ISOMER_PAYMENTS_HOSTS: "canary3",
  };
  const text = problems(env, { webhookSecret: "canary4" });
  assert.doesNotMatch(text, /canary/);
  assert.match(text, /WEBHOOK_SECRET.*fewer|WEBHOOK_SECRET.*8/);
});
