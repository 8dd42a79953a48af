/** Commands that ask the processes of a fleet: dead letters, sagas, consumers, streams. */
import { askProcesses } from "../node/fleet/mod.ts";
import type { Inquiry } from "./arguments.ts";
import { type Letter, decideLetters } from "./letters.ts";

/** How many items a process names at once. */
const LIMIT = 100;

type Item = Readonly<Record<string, unknown>>;

const SAGA = { "retry-saga": "retrySaga", "abort-saga": "abortSaga" } as const;

/** Where the answer goes. */
export interface InquiryOutput {
  /** How long a line may be, in characters. */
  readonly columns: number;
  /** Takes what is told beside the answer. */
  readonly say: (text: string) => void;
}

/** Carries one out; resolves to what is to be printed. @throws what the fleet and its processes throw. */
export async function inquire(inquiry: Inquiry, { columns: widthMax, say }: InquiryOutput): Promise<string> {
  const { folder, json } = inquiry;
  const told = (page: Page): readonly Item[] => {
    if (page.next !== undefined) say(`There are more. The next ones: --after ${page.next}`);
    return page.items;
  };
  const shown = (items: readonly Item[], columns: readonly string[]): string =>
    json ? JSON.stringify(items, undefined, 2) : listing(items, columns, widthMax);
  switch (inquiry.do) {
    case "dead-letters":
      return shown(told(await letters(folder, inquiry.after, say)), [
        "eventId",
        "service",
        "consumer",
        "source",
        "type",
        "key",
        "fault",
        "at",
      ]);
    case "consumers": {
      const columns = ["service", "consumer", "source", "lag", "parkedKeys", "deadLetters", "fault"];
      return shown(told(await pageOf(folder, { operation: "consumers", input: {} }, say)), columns);
    }
    case "sagas": {
      const { service, status, after } = inquiry;
      const which = { ...(status === undefined ? {} : { status }), ...(after === undefined ? {} : { after }) };
      const input = { service, limit: LIMIT, ...which };
      const page = await pageOf(folder, { operation: "sagas", service, input }, say);
      return shown(told(page), ["sagaId", "saga", "status", "step", "attempts", "fault", "updatedAt"]);
    }
    case "redrive":
    case "discard":
      return decideLetters(inquiry, {
        page: (after) => letters(folder, after, say),
        decide: async (operation, { service, consumer, source, eventId }) => {
          const input = { service, consumer, source, eventId };
          return ((await askProcesses(folder, { operation, service, input }, say)) as Item)["done"] === true;
        },
        say,
      });
    case "retry-saga":
    case "abort-saga": {
      const { service, saga: sagaId } = inquiry;
      const operation = SAGA[inquiry.do];
      const { status } = (await askProcesses(folder, { operation, service, input: { service, sagaId } }, say)) as Item;
      return `${sagaId} is ${String(status)}`;
    }
    case "skip": {
      const { service, consumer, source } = inquiry;
      const input = { service, consumer, source };
      const { done } = (await askProcesses(folder, { operation: "skip", service, input }, say)) as Item;
      const who = `${consumer} of ${service}`;
      return done === true ? `${who} goes on without what is gone of ${source}` : `nothing of ${source} keeps ${who}`;
    }
    case "rewind":
      return rewind(inquiry, say);
  }
}

async function rewind(inquiry: Extract<Inquiry, { do: "rewind" }>, say: (text: string) => void): Promise<string> {
  const { folder, service, to } = inquiry;
  const input = { service, ...(typeof to === "number" ? { position: to } : { sinceMs: to.getTime() }) };
  const answer = (await askProcesses(folder, { operation: "rewindTo", service, input }, say)) as Item;
  const { position, pruned } = answer;
  const lacks = typeof pruned !== "number" ? "" : `, as far as it is left: events up to ${pruned} were deleted`;
  return `the stream of ${service} begins again after ${String(position)}; its relay sends what follows${lacks}`;
}

/** A page of what is listed, and what the next one goes on after. */
interface Page<T extends Item = Item> {
  readonly items: readonly T[];
  readonly next?: string;
}

async function letters(
  folder: string,
  after: string | undefined,
  say: (text: string) => void,
): Promise<Page<Letter & Item>> {
  const input = { limit: LIMIT, ...(after === undefined ? {} : { after }) };
  return (await pageOf(folder, { operation: "deadLetters", input }, say)) as Page<Letter & Item>;
}

async function pageOf(
  folder: string,
  question: Parameters<typeof askProcesses>[1],
  say: (text: string) => void,
): Promise<Page> {
  return (await askProcesses(folder, question, say)) as Page;
}

/** A line for each, in columns; a few lines for each where that would be wider than the terminal, and wrapped beyond reading. */
export function listing(items: readonly Item[], columns: readonly string[], widthMax: number): string {
  if (items.length === 0) return "none";
  const rows = [columns, ...items.map((item) => columns.map((column) => cell(item[column])))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  if (lines.every((line) => line.length <= widthMax)) return lines.join("\n");
  const width = Math.max(...columns.map((column) => column.length));
  const blocks = items.map((item) =>
    columns.map((column) => `${column.padEnd(width)}  ${cell(item[column])}`).join("\n"),
  );
  return blocks.join("\n\n");
}

function cell(value: unknown): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return value;
  const { code } = (typeof value === "object" && value !== null ? value : {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : JSON.stringify(value);
}
