/** What a change of an operation means. Inputs are read by the callee, which is strict; outputs by callers, who are not. */
import { type SchemaData, misfits } from "../../schema/mod.ts";
import { canonicalJson } from "../../std/mod.ts";
import type { AccessRule } from "../access.ts";
import { type Change, type Order, type Party, orderOf, told } from "./change.ts";
import type { FaultSnapshot, OperationSnapshot } from "./snapshot.ts";

interface Versions {
  readonly at: string;
  readonly old: OperationSnapshot;
  readonly next: OperationSnapshot;
}

/** Whether clients outside the system call it: they cannot be deployed first. */
function hasClients({ http, allow }: OperationSnapshot): boolean {
  return http !== undefined && allow.some(({ kind }) => kind !== "services");
}

/** A change, seen by clients too: what old callers cannot bear, they cannot. */
function change({ at, old }: Pick<Versions, "at" | "old">, part: string, what: string, order: Order): Change {
  const affects = ["callers", "callee"] as const;
  const outside = hasClients(old) && (order === "users-first" || order === "side-by-side");
  if (!outside) {
    const advice = order === "side-by-side" ? besideIt(at) : undefined;
    return { at, part, what, order, affects, ...(advice === undefined ? {} : { advice }) };
  }
  const advice = `Clients cannot be replaced with the service. ${besideIt(at)}`;
  return { at, part, what, order: "side-by-side", affects: [...affects, "clients"], advice };
}

/** The change, touching only these, and clients where it does. */
function touching(affects: readonly Party[], made: Change): Change {
  return { ...made, affects: made.affects.includes("clients") ? [...affects, "clients"] : affects };
}

function besideIt(at: string): string {
  const name = at.split(".").at(-1) ?? at;
  return `Keep ${name}, add ${name}V2 next to it, move its users there, then remove ${name}.`;
}

/** What an operation that is gone means. */
export function removed(at: string, old: OperationSnapshot): Change {
  return change({ at, old }, "operation", "It is gone. Nobody may call it any more.", "users-first");
}

/** What a new operation means. */
export function added(at: string): Change {
  const what = "It is new. Those who call it need it to be there.";
  return { at, part: "operation", what, order: "owner-first", affects: ["callee"] };
}

/** All changes of an operation. */
export function operationChanges(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  if (old.kind !== next.kind) {
    const what = `It was a ${old.kind} and is a ${next.kind}.`;
    return [change(versions, "kind", what, "side-by-side")];
  }
  return [
    ...inputChange(versions),
    ...outputChange(versions),
    ...faultChanges(versions),
    ...accessChanges(versions),
    ...httpChanges(versions),
    ...limitChanges(versions),
  ];
}

function inputChange(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  const refused = misfits(old.input, next.input, "closed");
  const early = misfits(next.input, old.input, "closed");
  if (refused.length === 0 && early.length === 0) return [];
  const parts = [
    ...(refused.length === 0 ? [] : [`The new one refuses what old callers send: ${told(refused)}.`]),
    ...(early.length === 0 ? [] : [`The old one refuses what new callers send: ${told(early)}.`]),
  ];
  return [change(versions, "input", parts.join(" "), orderOf(refused, early))];
}

function outputChange(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  return readChange(versions, "output", old.output, next.output);
}

/** A change of what callers read: they leave out what they do not know. */
function readChange(versions: Versions, part: string, old: SchemaData, next: SchemaData): readonly Change[] {
  if (canonicalJson(old) === canonicalJson(next)) return [];
  const unread = misfits(next, old, "open");
  const early = misfits(old, next, "open");
  if (unread.length === 0 && early.length === 0) {
    return misfits(old, next, "closed").length + misfits(next, old, "closed").length === 0
      ? []
      : [change(versions, part, "It has other properties; callers leave out what they do not know.", "any")];
  }
  const parts = [
    ...(unread.length === 0 ? [] : [`Old callers cannot read the new answers: ${told(unread)}.`]),
    ...(early.length === 0 ? [] : [`New callers cannot read the old answers: ${told(early)}.`]),
  ];
  return [change(versions, part, parts.join(" "), orderOf(unread, early))];
}

function faultChanges(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  const before = new Map(old.faults.map((fault) => [fault.code, fault]));
  const changes: Change[] = [];
  for (const fault of next.faults) {
    const known = before.get(fault.code);
    before.delete(fault.code);
    if (known === undefined) {
      const what = `It may be refused with ${fault.code} (${fault.kind}); callers that do not know it go by its kind.`;
      changes.push(touching(["callers"], change(versions, "faults", what, "any")));
    } else changes.push(...faultChange(versions, known, fault));
  }
  for (const code of before.keys())
    changes.push(touching(["callers"], change(versions, "faults", `It is refused with ${code} no longer.`, "any")));
  return changes;
}

function faultChange(versions: Versions, old: FaultSnapshot, next: FaultSnapshot): readonly Change[] {
  if (old.kind !== next.kind) {
    const what = `${old.code} was of the kind ${old.kind} and is ${next.kind}: callers would do the wrong thing.`;
    const advice = "Give the new meaning a code of its own.";
    return [{ ...touching(["callers"], change(versions, "faults", what, "side-by-side")), advice }];
  }
  return readChange(versions, `data of ${old.code}`, old.data ?? {}, next.data ?? {});
}

function accessChanges(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  const [lost, won] = [missing(old.allow, next.allow), missing(next.allow, old.allow)];
  const changes: Change[] = [];
  if (lost.length > 0) {
    const onlyServices = lost.every((name) => name.startsWith(SERVICE));
    const what = `It does not let in ${lost.join(", ")} any more.`;
    const made = change(onlyServices ? withoutClients(versions) : versions, "access", what, "users-first");
    changes.push({ ...made, ...usersIn(lost) });
  }
  if (won.length > 0)
    changes.push({ ...change(versions, "access", `It lets in ${won.join(", ")}.`, "owner-first"), ...usersIn(won) });
  return changes;
}

const SERVICE = "service ";

/** The services among those who are let in or shut out: the order is between them and the owner. */
function usersIn(names: readonly string[]): { readonly users?: readonly string[] } {
  const users = names.filter((name) => name.startsWith(SERVICE)).map((name) => name.slice(SERVICE.length));
  return users.length === names.length ? { users } : {};
}

const withoutClients = ({ at, old }: Versions): Pick<Versions, "at" | "old"> => {
  const { http: _, ...rest } = old;
  return { at, old: rest };
};

/** Whom the rules `before` let in and the rules `after` do not. */
function missing(before: readonly AccessRule[], after: readonly AccessRule[]): readonly string[] {
  return before.flatMap((rule) => {
    if (rule.kind === "services") {
      const services = rule.services.filter((service) => !after.some((other) => letsIn(other, service)));
      return services.map((service) => SERVICE + service);
    }
    return after.some((other) => covers(other, rule)) ? [] : [named(rule)];
  });
}

const letsIn = (rule: AccessRule, service: string): boolean =>
  rule.kind === "anyone" || (rule.kind === "services" && rule.services.includes(service));

function covers(wide: AccessRule, narrow: AccessRule): boolean {
  if (wide.kind === "anyone") return true;
  if (wide.kind === "user") return narrow.kind === "user" || narrow.kind === "owner" || narrow.kind === "permission";
  return canonicalJson(wide) === canonicalJson(narrow);
}

function named(rule: AccessRule): string {
  if (rule.kind === "permission") return `users with the permission ${rule.permission}`;
  return { anyone: "anyone", user: "every user", owner: "the owner", services: "services" }[rule.kind];
}

/** What of a binding clients rely on. */
const BINDING = ["method", "path", "status", "etag", "ifMatch", "rawBody", "headers", "contentType"] as const;

function httpChanges(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  if (old.http === undefined || next.http === undefined) {
    if (old.http === next.http) return [];
    return old.http === undefined
      ? [{ ...change(versions, "http", "It is reached over HTTP now.", "any"), affects: ["clients"] }]
      : [touching([], change(versions, "http", `${old.http.method} ${old.http.path} is gone.`, "users-first"))];
  }
  const before = old.http;
  const after = next.http;
  const different = BINDING.filter((part) => canonicalJson(before[part]) !== canonicalJson(after[part]));
  const parts = different.map((part) => `Its ${part} was ${shown(before[part])} and is ${shown(after[part])}.`);
  if (before.idempotencyKey !== "required" && after.idempotencyKey === "required")
    parts.push("Clients must send Idempotency-Key now.");
  if ((after.bodyBytesMax ?? Infinity) < (before.bodyBytesMax ?? Infinity))
    parts.push(`Bodies may have ${after.bodyBytesMax} bytes at most.`);
  return parts.length === 0 ? [] : [touching([], change(versions, "http", parts.join(" "), "users-first"))];
}

const shown = (value: unknown): string => (value === undefined ? "none" : JSON.stringify(value));

function limitChanges(versions: Versions): readonly Change[] {
  const { old, next } = versions;
  const changes: Change[] = [];
  const note = (part: string, what: string): void =>
    void changes.push(touching(["callers"], change(versions, part, what, "any")));
  if (old.deadlineMs !== next.deadlineMs)
    note("deadline", `It may take ${next.deadlineMs ?? "the usual"} ms instead of ${old.deadlineMs ?? "the usual"}.`);
  if (old.criticality !== next.criticality)
    note("criticality", `It is ${next.criticality ?? "normal"} instead of ${old.criticality ?? "normal"}.`);
  if (canonicalJson(old.cache) !== canonicalJson(next.cache))
    note("cache", `Answers are kept as ${shown(next.cache)} instead of ${shown(old.cache)}.`);
  const age = (staleMaxMs = 0): string => (staleMaxMs === 0 ? "are never old" : `may be ${staleMaxMs} ms old`);
  if (old.staleMaxMs !== next.staleMaxMs)
    note("staleness", `Answers ${age(next.staleMaxMs)}; they ${age(old.staleMaxMs).replace("are", "were")} before.`);
  return changes;
}
