/** A client that holds every answer against the contract: the status, the type, and the body against its schema. */
import assert from "node:assert/strict";
import { validator } from "@isomer/kernel/schema";
import { type Answer, type Ask, ShopClient } from "./client.ts";
import { operationAt } from "./operations.ts";

const ATTEMPTS_MAX = 30;

/** Asks like {@link ShopClient}, and fails when an answer is not what the contract says. */
export class CheckedClient extends ShopClient {
  override as(token: string | undefined): CheckedClient {
    return new CheckedClient(this.url.href, { ...this.way, token });
  }

  override async ask(method: string, path: string, ask?: Ask): Promise<Answer> {
    const answer = await this.#patiently(method, path, ask);
    const at = `${method} ${path}`;
    if (answer.status >= 400) checkProblem(answer, at);
    else if (answer.status !== 304) checkOutput(answer, method, path);
    return answer;
  }

  /** A busy machine may refuse work for a moment, before it has done anything: a client asks again, as it is told to. */
  async #patiently(method: string, path: string, ask: Ask | undefined): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await super.ask(method, path, ask);
      const isBusy = answer.status === 503 && answer.body.code === "kernel/overloaded";
      if (!isBusy || attempt === ATTEMPTS_MAX) return answer;
      await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, Number(answer.body.data.retryAfterMs))));
    }
  }

  /** Asks, and fails unless the answer has this status. Resolves to its body. */
  async expect(status: number, method: string, path: string, ask?: Ask): Promise<Answer["body"]> {
    const answer = await this.ask(method, path, ask);
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Fails unless the answer is this refusal. Resolves to the problem. */
  async refused(status: number, code: string, method: string, path: string, ask?: Ask): Promise<Answer["body"]> {
    const problem = await this.expect(status, method, path, ask);
    assert.equal(problem.code, code, JSON.stringify(problem));
    return problem;
  }
}

class KeyedClient extends CheckedClient {
  readonly #key: string;
  constructor(client: ShopClient, key: string) {
    super(client.url.href, client.way);
    this.#key = key;
  }

  override ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    return super.ask(method, path, { ...ask, headers: { ...ask.headers, "x-api-key": this.#key } });
  }
}

/** A client that is a program: it carries an API key. */
export function withApiKey(client: ShopClient, key: string): CheckedClient {
  return new KeyedClient(client, key);
}

/** What must not be seen outside: stacks, files, SQL, names of the database's parts. */
const LEAKS =
  /\bat \S+ \(|node:internal|\.ts:\d+|\/commerce\/|\/kernel\/src|node_modules|SQLITE_|sqlite|\bSELECT\b.*\bFROM\b|\bINSERT INTO\b/;

/** Fails unless the answer is a problem as RFC 9457 and the house have it, and gives nothing away. */
export function checkProblem(answer: Answer, at: string): void {
  const { status, headers, body } = answer;
  assert.ok(status < 500, `${at} broke: ${status} ${JSON.stringify(body)}`);
  assert.match(headers["content-type"] ?? "", /^application\/problem\+json/, `${at}: ${status} ${String(body)}`);
  assert.equal(body.status, status, at);
  for (const member of ["type", "title", "detail", "code", "traceId"]) {
    assert.equal(typeof body[member], "string", `${at}: the problem has no ${member}`);
  }
  assert.doesNotMatch(JSON.stringify(body), LEAKS, at);
}

function checkOutput(answer: Answer, method: string, path: string): void {
  const operation = operationAt(method, path);
  if (operation === undefined || method === "HEAD") return;
  const { binding, definition, name } = operation;
  const empty = answer.status === 204;
  if (!empty) assert.equal(answer.status, binding.status ?? 200, name);
  if (binding.etag !== undefined) assert.match(String(answer.headers["etag"]), /^"\d+"$/, name);
  if (empty || binding.contentType !== undefined) return;
  validator(definition.output, `answer of ${name}`).parse(answer.body);
}
