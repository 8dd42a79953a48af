/**
 * Typed statements: built by Kysely once, prepared once, run many times.
 * Compiling a query costs Kysely 20 to 50 µs, as much as running it ten times; so the builder runs at the first
 * use of each dialect, with marks in place of the values, and later runs only put the values in.
 */
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Dialect, SqlConnection, SqlValue } from "./database.ts";

/** Anything of Kysely that compiles to a query with rows of type `R`. */
export interface Compilable<R> {
  compile(): CompiledQuery<R>;
}

/** A prepared statement over the tables `DB`, with parameters `P` and rows `R`. */
export interface Statement<DB, P, R> {
  /** Only for the compiler. */
  readonly types?: { db: DB; parameters: P; row: R };
  /** The SQL and how to fill it. Built at the first use, and for a whole row (`values(p)`) once for the names that it has. */
  compiled(dialect: Dialect, parameters: P): { readonly sql: string; bind(parameters: P): readonly SqlValue[] };
}

class Mark {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const builders: Record<Dialect, Kysely<never>> = {
  sqlite: new Kysely<never>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  postgres: new Kysely<never>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
};

function builderOf<DB>(dialect: Dialect): Kysely<DB> {
  return builders[dialect] as unknown as Kysely<DB>;
}

/**
 * Stands for the parameters while a statement is built: each name gives its mark, and the known ones can be listed. Who lists
 * them writes SQL that has these names and no others, which `onListed` hears.
 */
function marksFor(parameters: object, onListed: () => void): object {
  const known = Object.fromEntries(Object.keys(parameters).map((name) => [name, new Mark(name)]));
  return new Proxy(known, {
    get: (target, name) => target[String(name)] ?? new Mark(String(name)),
    ownKeys(target) {
      onListed();
      return Reflect.ownKeys(target);
    },
  });
}

/** Makes typed statements over the tables `DB`: `const sql = statements<Tables>()`. */
export function statements<DB>() {
  return <P extends Readonly<Record<string, SqlValue>>, R>(
    build: (db: Kysely<DB>, parameters: P) => Compilable<R>,
  ): Statement<DB, P, R> => {
    const ready: Partial<Record<Dialect, Programs>> = {};
    return {
      compiled(dialect, parameters) {
        const programs = (ready[dialect] ??= new Programs());
        return programs.for(parameters, (onListed) =>
          compileMarked(build(builderOf<DB>(dialect), marksFor(parameters, onListed) as unknown as P)),
        );
      },
    };
  };
}

interface Program {
  readonly sql: string;
  bind(parameters: object): readonly SqlValue[];
}

/** How many sets of names a statement is kept ready for. A table has few columns that may be left out. */
const ROWS_MAX = 64;

/** What a statement was compiled to: one program, or where it lists the names of its parameters one for each set of them. */
class Programs {
  #only: Program | undefined;
  readonly #byNames = new Map<string, Program>();

  for(parameters: object, compile: (onListed: () => void) => Program): Program {
    if (this.#only !== undefined) return this.#only;
    const names = Object.keys(parameters).join(" ");
    const known = this.#byNames.get(names);
    if (known !== undefined) return known;
    let isListed = false;
    const program = compile(() => (isListed = true));
    if (!isListed) return (this.#only = program);
    if (this.#byNames.size === ROWS_MAX) this.#byNames.clear();
    this.#byNames.set(names, program);
    return program;
  }
}

function compileMarked(query: Compilable<unknown>): Program {
  const { sql, parameters } = query.compile();
  const slots = parameters.map((value) => (value instanceof Mark ? value.name : undefined));
  return {
    sql,
    bind: (values) =>
      slots.map((name, index) =>
        name === undefined ? (parameters[index] as SqlValue) : ((values as Record<string, SqlValue>)[name] ?? null),
      ),
  };
}

/** Reads over the tables `DB` in one transaction. */
export interface Reader<DB> {
  readonly connection: SqlConnection;
  /** The rows of a statement. */
  all<P, R>(statement: Statement<DB, P, R>, parameters: P): Promise<R[]>;
  /** The first row, if there is one. */
  first<P, R>(statement: Statement<DB, P, R>, parameters: P): Promise<R | undefined>;
  /** Runs a query that is built for this call: for filters that vary. Compiles each time; prefer statements. */
  query<R>(build: (db: Kysely<DB>) => Compilable<R>): Promise<R[]>;
}

/** Reads and writes over the tables `DB` in one transaction. */
export interface Writer<DB> extends Reader<DB> {
  /** Carries a statement out; resolves to the number of rows that it changed. */
  run<P>(statement: Statement<DB, P, unknown>, parameters: P): Promise<number>;
  /** Carries out a change that is built for this call; resolves to the number of rows that it changed. */
  change(build: (db: Kysely<DB>) => Compilable<unknown>): Promise<number>;
}

/** The typed face of an open transaction. */
export function writerOn<DB>(connection: SqlConnection): Writer<DB> {
  const { dialect } = connection;
  const bound = <P>(statement: Statement<DB, P, unknown>, parameters: P) => {
    const program = statement.compiled(dialect, parameters);
    return [program.sql, program.bind(parameters)] as const;
  };
  const built = (build: (db: Kysely<DB>) => Compilable<unknown>) => {
    const query = build(builderOf<DB>(dialect)).compile();
    return [query.sql, query.parameters as readonly SqlValue[]] as const;
  };
  return {
    connection,
    all: <P, R>(statement: Statement<DB, P, R>, parameters: P) => connection.all<R>(...bound(statement, parameters)),
    first: async <P, R>(statement: Statement<DB, P, R>, parameters: P) =>
      (await connection.all<R>(...bound(statement, parameters)))[0],
    query: <R>(build: (db: Kysely<DB>) => Compilable<R>) => connection.all<R>(...built(build)),
    run: (statement, parameters) => connection.run(...bound(statement, parameters)),
    change: (build) => connection.run(...built(build)),
  };
}
