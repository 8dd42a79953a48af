/** One simulated database with a table, for tests of what crashes and errors leave of it. */
import type { Database, SqlConnection } from "../../store/mod.ts";
import type { FaultKind } from "../faults.ts";
import type { Incarnation, Machine } from "../machine.ts";
import { Stage, type StageOptions } from "./stage.ts";

/** A table of entries. */
export const entrySchema = {
  owner: "test",
  migrations: [{ name: "0001_entry", sql: "CREATE TABLE entry (id TEXT PRIMARY KEY, n BIGINT NOT NULL)" }],
};

/** Adds an entry. */
export const INSERT = "INSERT INTO entry (id, n) VALUES (?, ?)";

/** A machine with a database of entries. */
export class Ledger {
  readonly stage: Stage;
  readonly machine: Machine;
  readonly incarnation: Incarnation;
  readonly database: Database;

  private constructor(stage: Stage, machine: Machine, database: Database) {
    this.stage = stage;
    this.machine = machine;
    this.incarnation = machine.incarnation as Incarnation;
    this.database = database;
  }

  /** Opens it, on a stage of its own unless said. */
  static async open(options: StageOptions = {}, stage = new Stage(options)): Promise<Ledger> {
    const machine = stage.machines.get("host") ?? stage.machine("host");
    const incarnation = machine.born();
    const opening = stage.storage(machine, incarnation).open("orders");
    const database = await stage.settle(opening);
    await stage.settle(database.migrate([entrySchema]));
    return new Ledger(stage, machine, database);
  }

  /** The next life of the process, over the same disk. */
  again(): Promise<Ledger> {
    return Ledger.open({}, this.stage);
  }

  /** A write of one or more entries, under a label of its own. */
  write(label: string, ...ids: readonly string[]): Promise<string> {
    return this.database.write({ label }, async (connection) => {
      for (const id of ids) await connection.run(INSERT, [id, 1]);
      return label;
    });
  }

  /** The ids of what is committed, as the port gives them. */
  entries(): Promise<string[]> {
    const ids = async (connection: SqlConnection): Promise<string[]> =>
      (await connection.all<{ id: string }>("SELECT id FROM entry ORDER BY id")).map(({ id }) => id);
    return this.stage.settle(this.database.read({ label: "look" }, ids));
  }

  /** How often each kind of fault has happened. */
  happened(kind: FaultKind): number {
    return this.stage.faults.happened.filter((fault) => fault.kind === kind).length;
  }
}
