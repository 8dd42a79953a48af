/** What the parts of auth are given. */
import type { CommandContext, QueryContext, Tx as RuntimeTx } from "@isomer/kernel/runtime";
import type { Settings } from "./settings.ts";
import type { Tables } from "./store.ts";

/** What commands have. */
export type Ctx = CommandContext<Tables, never, Settings>;
/** What queries have, and what runs after a commit. */
export type Reading = QueryContext<Tables, never, Settings>;
/** What everything has, jobs too. */
export type Context = Pick<Reading, "settings" | "crypto" | "random" | "now">;
/** The transaction. */
export type Tx = RuntimeTx<Tables>;
