/** A service that writes down which host did what: for tests with several hosts on one database. */
import { anyone, command, contract, event } from "../../contract/mod.ts";
import { saga } from "../../saga/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Service, implement, subscribe } from "../mod.ts";

const Entry = t.object({ id: t.text() });

/** Keeps a diary. */
export const diary = contract("diary", {
  version: "1.0.0",
  commands: { write: command({ input: Entry, output: Entry, allow: [anyone] }) },
  events: { written: event({ key: "id", data: Entry }) },
});

/** What a host did, as its diary says. */
export interface Deed {
  readonly host: string;
  readonly what: "heard" | "left" | "arrived" | "ticked";
  readonly about: string;
}

interface DiaryTables {
  deed: Deed;
}

const NOTE = "INSERT INTO deed (host, what, about) VALUES (?, ?, ?)";
const migrations = [
  {
    name: "0001_deed",
    sql: "CREATE TABLE deed (host TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL)",
  },
];

/**
 * The diary's service as one host runs it: each entry is told of, heard, and the begin of a journey of two steps and a
 * timer between them; and a job ticks.
 */
export function diaryService(host: string): Service {
  const journey = saga<DiaryTables, never>()("journey", {
    input: Entry,
    output: Entry,
    run: async (s, { id }) => {
      await s.local("leave", async (tx) => void (await tx.connection.run(NOTE, [host, "left", id])));
      await s.sleep("night", 20);
      await s.local("arrive", async (tx) => void (await tx.connection.run(NOTE, [host, "arrived", id])));
      return { id };
    },
  });
  return implement<DiaryTables>()(diary, {
    database: { migrations },
    commands: {
      write: ({ id }, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.emit(diary.events.written, { id });
          await tx.start(journey, { id }, `journey ${id}`);
          return { id };
        }),
    },
    queries: {},
    on: [
      subscribe<DiaryTables>()(diary.events.written, async ({ data }, tx) => {
        await tx.connection.run(NOTE, [host, "heard", data.id]);
      }),
    ],
    sagas: [journey],
    jobs: [
      {
        name: "tick",
        everyMs: 20,
        run: async (ctx) => {
          await ctx.transaction(({ connection }) => connection.run(NOTE, [host, "ticked", ""]));
          return false;
        },
      },
    ],
  });
}
