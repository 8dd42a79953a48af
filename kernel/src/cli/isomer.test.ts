/** The command against a fleet that runs: over its socket, as processes of their own. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type FleetSnapshot, socketOf } from "../node/fleet/mod.ts";
import { freePorts } from "../node/engines/mod.ts";

const ENTRY = fileURLToPath(new URL("testing/fakes-main.ts", import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a command over a folder to its end. */
function run(folder: string, ...given: string[]): Promise<Outcome> {
  return runBare([...given, "--data", folder]);
}

function runBare(given: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [ENTRY, ...given], { timeout: 60_000 }, (failure, out, error) =>
      resolve({ code: typeof failure?.code === "number" ? failure.code : failure === null ? 0 : -1, out, error }),
    );
  });
}

async function snapshotOf(folder: string): Promise<FleetSnapshot> {
  return JSON.parse((await run(folder, "ps", "--json")).out) as FleetSnapshot;
}

/** Starts a fleet of fakes and waits until it runs. */
async function fleet(
  context: TestContext,
  { isRelative = false } = {},
): Promise<{ folder: string; lines: string[]; ended: Promise<number | null>; signal: (name: NodeJS.Signals) => void }> {
  const folder = mkdtempSync(join(tmpdir(), "isomer-command-"));
  const words = ["fleet", "--data", isRelative ? basename(folder) : folder, "--port", String(await freePorts(2))];
  const child = spawn(process.execPath, [ENTRY, ...words], {
    ...(isRelative ? { cwd: dirname(folder) } : {}),
    env: { ...process.env, FAKE_HOST: '{"crashing":"crash"}' },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  context.after(async () => {
    // Its processes end by themselves when it is gone.
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  const lines: string[] = [];
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      if (line.includes("the fleet runs")) resolve();
    });
    void ended.then(() => resolve());
  });
  return { folder, lines, ended, signal: (name) => child.kill(name) };
}

test("a fleet is shown, changed and stopped by commands", async (context) => {
  const { folder, lines, ended } = await fleet(context);
  assert.equal(statSync(socketOf(folder)).mode & 0o777, 0o600, "nobody else may tell the fleet what to do");
  assert.match((await run(folder, "ps")).out, /^Fakes .*4 of 4 ready[\s\S]*\norders-1 +\d+ +ready/);

  const second = await run(folder, "fleet");
  assert.equal(second.code, 1);
  assert.match(second.error, /Another host uses the data folder/);

  const rolled = await run(folder, "roll", "orders");
  assert.deepEqual(rolled, { code: 0, out: "roll of orders begins\nroll of orders is done\n", error: "" });
  assert.equal((await run(folder, "scale", "cart", "2")).code, 0);
  const placed = await run(folder, "place", "cart", "shopping");
  assert.equal(placed.code, 0, placed.error);
  const rows = (await snapshotOf(folder)).rows.map(({ instance, version }) => `${instance} ${version}`);
  assert.deepEqual(rows.toSorted(), [
    "gateway-1 1.0.0",
    "gateway-2 1.0.0",
    "orders-2 1.0.0+1",
    "shopping-1 1.0.0",
    "shopping-2 1.0.0",
  ]);

  assert.equal((await run(folder, "place", "orders", "alone")).code, 0);
  const alone = (await snapshotOf(folder)).rows.find(({ group }) => group === "alone");
  assert.equal(alone?.version, "1.0.0+1", "who moves stays in the build that it was rolled to");

  assert.match((await run(folder, "logs", "cart")).out, /^shopping-1 │ INFO {2}ready\n(?:shopping-2|cart)/m);
  const unknown = await run(folder, "restart", "kart");
  assert.deepEqual([unknown.code, unknown.out], [1, ""], "what was refused has not begun");
  assert.match(unknown.error, /^The fleet has no "kart"\. It has: /);

  const redriven = await run(folder, "redrive", "e-cart");
  assert.deepEqual([redriven.code, redriven.out], [1, ""], "what stays dead is no success");
  assert.match(
    redriven.error,
    /0 of 1 handled, 1 failed again:\n {2}e-cart \(s\.t "k" for c of cart\): c\/closed: It is closed\./,
  );

  const noLog = await run(folder, "logs", "cart", "kart");
  assert.deepEqual([noLog.code, noLog.out], [1, ""]);
  assert.match(noLog.error, /^The fleet has no "kart"\. It has: /);
  const entry = await run(folder, "roll", "cart", "--entry", "nowhere.ts");
  assert.equal(entry.code, 2);
  assert.match(entry.error, /^There is no \/.*\/nowhere\.ts to start processes with/);
  assert.match(
    (await run(folder, "roll", "cart", "--entry", "kernel")).error,
    /kernel is a folder\. Name the module in it/,
  );
  const failed = await run(folder, "roll", "cart", "--version-label", "crashing");
  assert.equal(failed.code, 1);
  assert.equal(failed.out, "roll of cart begins\nshopping-3 ended with exit code 1; it is taken back\n");
  assert.match(
    failed.error,
    /^shopping-3 did not become ready: [^\n]* Why: isomer logs shopping-3, or [^\n]*\n$/,
    "why is told once",
  );

  const stopped = await run(folder, "stop");
  assert.equal(stopped.code, 0, stopped.error);
  assert.equal(await ended, 0);
  assert.match(lines.join("\n"), /the fleet has stopped/);
  assert.match((await run(folder, "ps")).error, /^No fleet runs in /);
  assert.match((await run(folder, "logs", "shopping-1")).out, /ready/, "logs can be read when no fleet runs");
});

test("a folder means the same to everybody, from wherever a fleet is started", async (context) => {
  const { folder } = await fleet(context, { isRelative: true });
  assert.equal((await snapshotOf(folder)).folder, folder);
});

test("what is wrong with a command goes to the standard error, with an exit code of its own", async () => {
  const nowhere = join(tmpdir(), "isomer-nowhere");
  assert.match((await run(nowhere, "logs")).error, /^No fleet runs in /);
  const calls = [["contract"], ["contract", "dif", "a", "b"], ["contract", "diff", "a"]];
  for (const words of calls) {
    const { code, out, error } = await runBare(words);
    assert.deepEqual([code, out], [64, ""]);
    assert.match(error, /isomer contract diff <old> <new>/);
  }
  const help = await runBare(["contract", "diff", "--help"]);
  assert.deepEqual([help.code, help.error], [0, ""]);
  assert.equal((await runBare(["help", "bogus"])).code, 2);
  const file = await run(ENTRY, "fleet");
  assert.deepEqual([file.code, file.out], [1, ""]);
  assert.match(file.error, /^The fleet cannot keep anything in .*fakes-main\.ts: .* is a file\. Name another folder/);
  if (process.platform === "linux")
    assert.match((await run("/proc/no", "fleet")).error, /^The fleet cannot keep anything/);
});

test("a signal stops a fleet in good order", async (context) => {
  const { folder, lines, ended, signal } = await fleet(context);
  signal("SIGINT");
  assert.equal(await ended, 0);
  assert.match(lines.join("\n"), /stopping: gateways, then services, then servers[\s\S]*the fleet has stopped/);
  assert.throws(() => statSync(socketOf(folder)), /ENOENT/);
});

test("whoever does not speak the fleet's protocol is told so, and does no harm", async (context) => {
  const { folder } = await fleet(context);
  const ask = (line: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      const socket = createConnection(socketOf(folder), () => socket.write(line));
      socket.on("data", (part) => (text += part.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
  assert.match(await ask('{"v":99,"do":"stop"}\n'), /"code":"fleet\/other-protocol"/);
  assert.match(await ask("GET / HTTP/1.1\n"), /"code":"fleet\/bad-command"/);
  assert.match(await ask('{"v":1,"do":"explode"}\n'), /"code":"kernel\/invalid"/);
  assert.equal(await ask("x".repeat(2 ** 21)).catch(() => ""), "");
  assert.equal((await snapshotOf(folder)).rows.length, 4);
});
