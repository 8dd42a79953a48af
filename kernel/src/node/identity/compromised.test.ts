/** What a service can do that somebody else has taken over: it has its certificate, and tokens that came its way. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, command, contract, owner, permission, query, services, user } from "../../contract/mod.ts";
import { Host, type Service, defineSystem, implement } from "../../runtime/mod.ts";
import { saga } from "../../saga/mod.ts";
import { t } from "../../schema/mod.ts";
import { TransactionIssuer, TransactionVerifier, writeAssertion } from "../../security/mod.ts";
import { type LogFields, type Logger, isFault, silentLogger } from "../../std/mod.ts";
import { type InboundCall, UserTokens, inbound } from "../../transport/mod.ts";
import { type OpenWorld, openWorld } from "../world.ts";
import { LocalAuthority, LocalIdentity, certificateOpener, workloadSigner } from "./mod.ts";

const noInput = t.object({});
const yes = t.boolean();
const Who = t.object({ subject: t.text(), asserted: t.boolean(), may: t.boolean(), caller: t.text() });

const vault = contract("vault", {
  version: "1.0.0",
  permissions: { "vault.open": "Open the vault." },
  queries: {
    forUsers: query({ input: noInput, output: yes, allow: [user] }),
    forOwners: query({ input: noInput, output: yes, allow: [owner] }),
    forStaff: query({ input: noInput, output: yes, allow: [permission("vault.open")] }),
    forClerk: query({ input: noInput, output: Who, allow: [services("clerk"), permission("vault.open")] }),
  },
});
const clerk = contract("clerk", {
  version: "1.0.0",
  commands: { begin: command({ input: noInput, output: t.object({ sagaId: t.text() }), allow: [user] }) },
  queries: {
    outcome: query({ input: t.object({ sagaId: t.text() }), output: t.text(), allow: [user], deadlineMs: 10_000 }),
  },
});
const thief = contract("thief", { version: "1.0.0" });
const stranger = contract("stranger", { version: "1.0.0" });

interface None {
  nothing: { id: string };
}

const rounds: { who: unknown; refused: string }[] = [];
const round = saga<None, "vault">()("round", {
  input: noInput,
  output: noInput,
  run: async (s) => {
    const who = await s.step("clerk", vault.forClerk({}));
    const refused = await s
      .step("user", vault.forUsers({}))
      .then(String, (error: Error & { code: string }) => error.code);
    rounds.push({ who, refused });
    return {};
  },
});

const vaultService: Service = implement<None>()(vault, {
  commands: {},
  queries: {
    forUsers: () => Promise.resolve(true),
    forOwners: () => Promise.resolve(true),
    forStaff: () => Promise.resolve(true),
    forClerk: async (_, ctx) => {
      const { subject = "", asserted = false } = ctx.identity ?? {};
      return { subject, asserted, may: ctx.can("vault.open"), caller: ctx.caller ?? "" };
    },
  },
  owners: { forOwners: () => Promise.resolve("anna") },
});
const clerkService: Service = implement<None>()(clerk, {
  uses: [vault],
  commands: {
    begin: (_, ctx) => ctx.transaction(async (tx) => ({ sagaId: await tx.start(round, {}, ctx.ids.next()) })),
  },
  queries: {
    outcome: async ({ sagaId }, ctx) => (await ctx.saga(sagaId, { timeoutMs: 8_000 }))?.status ?? "unknown",
  },
  sagas: [round],
});

const system = defineSystem({
  name: "bank",
  services: [
    vaultService,
    clerkService,
    implement()(thief, { uses: [vault], commands: {}, queries: {} }),
    implement()(stranger, { commands: {}, queries: {} }),
  ],
  roles: { manager: ["vault.open"], customer: [] },
});

const anna: Identity = { subject: "anna", roles: ["customer", "manager"], guest: false };
const logged: LogFields[] = [];
const log: Logger = { ...silentLogger, warn: (_, fields = {}) => void logged.push(fields), with: () => log };
const folder = mkdtempSync(join(tmpdir(), "isomer-identity-"));
let open: OpenWorld;
let host: Host;
let issuer: TransactionIssuer;
let admit: ReturnType<typeof inbound>;

before(async () => {
  open = openWorld({ dataFolder: ":memory:", log });
  host = await Host.start({ system, world: open.world, jobs: false });
  const { clock, ids } = open.world;
  const trustDomain = "shop.test";
  const authority = new LocalAuthority({ folder, trustDomain, clock });
  const identity = new LocalIdentity({ authority, clock, paths: ["gateway", "service/vault"] });
  issuer = new TransactionIssuer({ trustDomain, clock, ids, signer: workloadSigner(identity, "gateway") });
  const transactions = new TransactionVerifier({
    ...{ trustDomain, clock },
    open: certificateOpener(identity, "service/vault", clock),
  });
  const tokens = new UserTokens({ clock });
  admit = inbound({ trustDomain, transactions, tokens, clock, log, metrics: host.metrics });
});

after(async () => {
  await host.stop();
  open.close();
  rmSync(folder, { recursive: true });
});

async function ask(from: string | undefined, operation: string, userToken?: string): Promise<unknown> {
  const call: InboundCall = {
    ...{ service: "vault", operation, input: {}, key: undefined, clientKey: false, attempt: 1, caller: from },
    ...{ deadlineAt: open.world.clock.monotonicMs() + 5_000, trace: undefined, criticality: "normal" },
    ...{ signal: undefined, userToken },
  };
  const peer = `spiffe://shop.test/${from === undefined ? "gateway" : `service/${from}`}`;
  try {
    return (await host.transport.send(admit(call, peer))).output;
  } catch (error) {
    assert.ok(isFault(error), String(error));
    return error.code;
  }
}

const USERS_OPERATIONS = ["forUsers", "forOwners", "forStaff"];

void describe("a service that was taken over", () => {
  test("acts as a user only with the user's own token", async () => {
    const token = issuer.issue(anna);
    for (const operation of USERS_OPERATIONS) {
      assert.equal(await ask("thief", operation, token), true, operation);
      assert.equal(await ask(undefined, operation, token), true, operation);
      assert.equal(await ask("thief", operation, writeAssertion(anna)), "kernel/forbidden", operation);
      assert.equal(await ask("thief", operation), "kernel/unauthenticated", operation);
    }
  });

  test("does not get by asserting where its name does not get it", async () => {
    assert.equal(await ask("thief", "forClerk", writeAssertion(anna)), "kernel/forbidden");
    assert.equal(await ask("thief", "forClerk"), "kernel/unauthenticated");
    assert.deepEqual(await ask("clerk", "forClerk", writeAssertion(anna)), {
      ...{ subject: "anna", asserted: true, may: false, caller: "clerk" },
    });
  });

  test("calls nothing that it does not declare, and each attempt is logged with who, what and why", async () => {
    logged.length = 0;
    assert.equal(await ask("stranger", "forUsers", issuer.issue(anna)), "kernel/undeclared");
    const [line] = logged;
    assert.equal(line?.["caller"], "stranger");
    assert.equal(line?.["peer"], "spiffe://shop.test/service/stranger");
    assert.equal(line?.["operation"], "vault.forUsers");
    assert.equal(line?.["reason"], "undeclared");
  });

  test("is seen in the spans of what it calls: peer, caller, and by which rule it was let in or not", async () => {
    await ask("clerk", "forClerk", writeAssertion(anna));
    await ask("thief", "forClerk");
    const seen = host.tracer
      .recent()
      .slice(-2)
      .map(({ attributes }) => attributes.join(" "));
    assert.match(seen[0] ?? "", /isomer\.peer spiffe:\/\/shop\.test\/service\/clerk isomer\.access services/);
    assert.match(seen[1] ?? "", /isomer\.caller thief .* isomer\.access unauthenticated/);
  });
});

void test("a saga names the user and acts by the rights of its service, in one process as in a fleet", async () => {
  const { output } = await host.invoke({ service: "clerk", operation: "begin", input: {}, identity: anna });
  await host.invoke({ service: "clerk", operation: "outcome", input: output, identity: anna });
  assert.deepEqual(rounds, [
    { who: { subject: "anna", asserted: true, may: false, caller: "clerk" }, refused: "kernel/forbidden" },
  ]);
});
