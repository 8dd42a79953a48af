/**
 * What a call between two processes costs under mutual TLS 1.3, at both ends: our wire, undici over HTTP/1.1 with JSON, and grpc-js.
 * One run, one machine, the same question and answer, 64 calls at once. Answers are checked before anything is timed.
 * Takes half a minute. Budgets (DESIGN.md §7): at most 40 µs of processor time at both ends, 50,000 calls a second,
 * twice undici's, ten times grpc-js'.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { type Answer, CALLS_AT_ONCE, type Question, answerTo, question, secretsOf } from "./wire/question.ts";
import { callGrpc } from "./wire/grpc.ts";
import { callUndici } from "./wire/http.ts";
import { callWire } from "./wire/ours.ts";

const ROUNDS = 5;

interface Measured {
  readonly perSecond: number;
  readonly callerUs: number;
  readonly calleeUs: number;
}

type Call = (question: Question) => Promise<Answer>;

const server = fork(new URL("./wire/server.ts", import.meta.url).pathname, {
  stdio: ["ignore", "inherit", "inherit", "ipc"],
});
const secrets = secretsOf();
server.send({ secrets });
const ports = (await messageOf(server)) as { readonly ours: number; readonly http: number; readonly grpc: number };

async function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error("The server ended."));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message);
    });
  });
}

/** Processor time that the server has used, in microseconds. */
async function serverUs(): Promise<number> {
  server.send("cpu");
  return (await messageOf(server)) as number;
}

async function run(call: Call, times: number, atOnce = CALLS_AT_ONCE): Promise<Measured> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { total } = await call(question);
      if (total !== 8_997) assert.fail(`The answer is ${total}.`);
    }
  };
  const calleeBefore = await serverUs();
  const callerBefore = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(callerBefore);
  const calleeUs = ((await serverUs()) - calleeBefore) / times;
  return { perSecond: times / seconds, callerUs: (user + system) / times, calleeUs };
}

const ours = callWire(secrets, ports.ours);
const undici = callUndici(secrets, ports.http);
const grpc = callGrpc(secrets, ports.grpc);
const subjects = [
  { name: "isomer/1", call: ours.call, times: 30_000 },
  { name: "undici, HTTP/1.1 and JSON", call: undici.call, times: 8_000 },
  { name: "grpc-js", call: grpc.call, times: 3_000 },
] as const;

for (const { call } of subjects) assert.deepEqual(await call(question), answerTo(question), "the answers are right");
for (const { call, times } of subjects) await run(call, times);

const results = new Map<string, Measured[]>(subjects.map(({ name }) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1)
  for (const { name, call, times } of subjects) results.get(name)!.push(await run(call, times));

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
console.log(`${CALLS_AT_ONCE} calls at once, mutual TLS 1.3, two processes, medians of ${ROUNDS} rounds`);
const rates = new Map<string, number>();
const limits: number[] = [];
for (const [name, rounds] of results) {
  const perSecond = median(rounds.map((round) => round.perSecond));
  const [caller, callee] = [median(rounds.map((r) => r.callerUs)), median(rounds.map((r) => r.calleeUs))];
  rates.set(name, perSecond);
  limits.push(1e6 / Math.max(caller, callee));
  const both = (caller + callee).toFixed(1).padStart(6);
  const ends = `${caller.toFixed(1)} + ${callee.toFixed(1)}`;
  console.log(`${name.padEnd(28)} ${perSecond.toFixed(0).padStart(7)}/s  ${both} µs processor time (${ends})`);
}
const [own = 0, http = 1, rpc = 1] = rates.values();
console.log(
  `isomer/1 makes ${(own / http).toFixed(1)} times the calls of undici (budget 2), ${(own / rpc).toFixed(1)} of grpc-js (budget 10)`,
);
// What else the machine does lowers the rates above; processor time it hardly touches.
console.log(`a core at the busier end would do ${limits.map((limit) => limit.toFixed(0)).join(", ")} calls a second`);
const alone = await run(ours.call, 5_000, 1);
console.log(`one call at a time over isomer/1: ${(1e6 / alone.perSecond).toFixed(0)} µs until the answer`);

ours.close();
undici.close();
grpc.close();
server.disconnect();
