import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import type { SqlConnection } from "../store/mod.ts";
import { Journal, Lane, type Write } from "./journal.ts";

/** A store that notes which statements each transaction that commits carries out, and fails when told to. */
class Store {
  readonly clock = new ManualClock();
  readonly commits: string[][] = [];
  readonly journal: Journal;
  fails = 0;
  /** Kept from committing until then. */
  gate: Promise<void> = Promise.resolve();

  constructor() {
    const { clock } = this;
    const write = <T>(_: string, body: (connection: SqlConnection) => Promise<T>): Promise<T> => this.#write(body);
    this.journal = new Journal({ write, clock, random: seededRandom(1), log: silentLogger });
  }

  async #write<T>(body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const statements: string[] = [];
    const connection: SqlConnection = {
      dialect: "sqlite",
      all: () => Promise.resolve([]),
      run: (sql) => {
        statements.push(sql);
        return Promise.resolve(1);
      },
    };
    const result = await body(connection);
    await this.gate;
    if (this.fails > 0) {
      this.fails -= 1;
      throw new Error("the disk is full");
    }
    this.commits.push(statements);
    return result;
  }
}

const write = (sql: string): Write => ({ sql, parameters: [] });

test("folds what many sagas write in one turn into one transaction", async () => {
  const store = new Store();
  const [a, b] = [new Lane(store.journal), new Lane(store.journal)];
  a.append(write("a1"));
  b.append(write("b1"));
  a.append(write("a2"));
  assert.equal(a.volatile, 2);
  await store.clock.until(Promise.all([a.durable(), b.durable()]));
  assert.deepEqual(store.commits, [["a1", "a2", "b1"]]);
  assert.equal(a.volatile, 0);
  await store.journal.idle();
});

test("a lane writes in one transaction at a time, and keeps its order over failures", async () => {
  const store = new Store();
  const lane = new Lane(store.journal);
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  store.fails = 2;
  lane.append(write("1"));
  await store.clock.advance(1);
  lane.append(write("2"));
  const most = lane.durable(1);
  await store.clock.advance(1);
  assert.deepEqual(store.commits, []);
  gate.resolve();
  await store.clock.until(most);
  lane.append(write("3"));
  await store.clock.until(lane.durable());
  assert.deepEqual(store.commits.flat(), ["1", "2", "3"]);
});

test("a transaction of a saga's own carries what is queued before it; when it fails, that is written all the same", async () => {
  const store = new Store();
  const lane = new Lane(store.journal);
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  lane.append(write("1"));
  await store.clock.advance(1);
  lane.append(write("2"));
  const own = (fails: boolean) =>
    lane.commit(
      store.journal.options.write,
      (connection) => connection,
      "own",
      async (connection) => {
        await connection.run("own", []);
        if (fails) throw new Error("no");
      },
    );
  const failing = assert.rejects(own(true), /no/u);
  const working = own(false);
  gate.resolve();
  await store.clock.until(Promise.all([failing, working]));
  assert.deepEqual(store.commits, [["1"], ["2", "own"]]);
});

test("one saga that cannot be written does not hold up the others, and stopping does not wait for it", async () => {
  const store = new Store();
  const [bad, good] = [new Lane(store.journal), new Lane(store.journal)];
  const run = store.journal.options.write;
  Object.assign(store.journal.options, {
    write: <T>(label: string, body: (connection: SqlConnection) => Promise<T>) =>
      run(label, (connection) =>
        body({
          ...connection,
          run: (sql) => (sql === "bad" ? Promise.reject(new Error("too large")) : connection.run(sql)),
        }),
      ),
  });
  bad.append(write("bad"));
  good.append(write("good"));
  await store.clock.until(good.durable());
  assert.deepEqual(store.commits, [["good"]]);
  assert.equal(bad.volatile, 1);
  const stopping = store.journal.idle();
  store.journal.stop();
  await store.clock.until(stopping);
});
