/** Changes of several contracts together: the order in which their services are deployed. */
import { type Change, type Order, type Verdict, verdictOf } from "./change.ts";
import { contractChanges } from "./diff.ts";
import type { ContractSnapshot } from "./snapshot.ts";

/** One service before another, and why. */
export interface Precedence {
  readonly first: string;
  readonly second: string;
  /** The changes that ask for it, by where they are. */
  readonly because: readonly string[];
}

/** What two versions of a system's contracts come to. */
export interface ContractPlan {
  readonly verdict: Verdict;
  readonly changes: readonly Change[];
  readonly precedences: readonly Precedence[];
  /** Services in the order in which to deploy them; those of one step in any order. Empty when there is none. */
  readonly steps: readonly (readonly string[])[];
  /** Services that would each have to come before the other: part of their changes must be deployed before the rest. */
  readonly circular: readonly string[];
}

/** What stands for users that no snapshot names. */
const OTHERS = "its users";

/** Compares all contracts of two versions of a system. */
export function contractPlan(old: readonly ContractSnapshot[], next: readonly ContractSnapshot[]): ContractPlan {
  const [before, after] = [byName(old), byName(next)];
  const changes: Change[] = [];
  const pairs = new Map<string, { first: string; second: string; because: Set<string> }>();
  for (const { name } of new Map([...before, ...after]).values()) {
    const [was, is] = versionsOf(before.get(name), after.get(name));
    if (was === undefined || is === undefined) continue;
    const either = {
      ...is,
      operations: { ...is.operations, ...was.operations },
      events: { ...is.events, ...was.events },
    };
    const around = [...callerChanges(name, before, after), ...hearingChanges(was, is)];
    for (const change of [...contractChanges(was, is), ...around]) {
      changes.push(change);
      for (const [first, second] of pairsOf(change, either, [...old, ...next])) {
        const key = `${first}\n${second}`;
        const pair = pairs.get(key) ?? { first, second, because: new Set<string>() };
        pair.because.add(change.at);
        pairs.set(key, pair);
      }
    }
  }
  const precedences = [...pairs.values()].map((pair) => ({ ...pair, because: [...pair.because] }));
  const { steps, circular } = sorted(precedences);
  const verdicts = changes.map(({ order }) => verdictOf(order));
  const worst = circular.length > 0 || verdicts.includes("breaking") ? "breaking" : "ordered";
  const verdict = verdicts.every((one) => one === "compatible") ? "compatible" : worst;
  return { verdict, changes, precedences, steps, circular };
}

const byName = (snapshots: readonly ContractSnapshot[]): Snapshots =>
  new Map(snapshots.map((snapshot) => [snapshot.name, snapshot]));

/** Both versions; where there is but one, the other promises nothing. */
function versionsOf(was: ContractSnapshot | undefined, is: ContractSnapshot | undefined) {
  const nothing = (one: ContractSnapshot | undefined): ContractSnapshot | undefined =>
    one && { ...one, operations: {}, events: {}, permissions: [] };
  return [was ?? nothing(is), is ?? nothing(was)] as const;
}

type Snapshots = ReadonlyMap<string, ContractSnapshot>;

/**
 * Who begins or ceases to use a service: its build lets in who declares it there, and an earlier or later one does not.
 * Nothing of its own contract need have changed.
 */
function callerChanges(name: string, before: Snapshots, after: Snapshots): readonly Change[] {
  // Where either snapshot does not say who uses whom, or the service itself is new or gone, there is nothing to compare.
  if (!before.has(name) || !after.has(name)) return [];
  const isKnown = [...before.values(), ...after.values()].every(({ uses }) => uses !== undefined);
  if (!isKnown) return [];
  const callersIn = (all: Snapshots): readonly string[] =>
    [...all.values()]
      .filter(({ name: caller, uses }) => caller !== name && uses?.includes(name))
      .map((one) => one.name);
  const [had, has] = [callersIn(before), callersIn(after)];
  const one = (what: string, order: Order, users: readonly string[]): readonly Change[] =>
    users.length === 0 ? [] : [{ at: name, part: "callers", what, order, affects: ["callers"], users }];
  const [come, gone] = [has.filter((user) => !had.includes(user)), had.filter((user) => !has.includes(user))];
  return [
    ...one(
      `It is used by ${come.join(", ")} now: a build that does not know that refuses the calls.`,
      "owner-first",
      come,
    ),
    ...one(
      `It is used by ${gone.join(", ")} no longer: the new build refuses the calls of the old.`,
      "users-first",
      gone,
    ),
  ];
}

/** What a service begins to hear. Whoever has just come begins at the beginning by itself. */
function hearingChanges(was: ContractSnapshot, is: ContractSnapshot): readonly Change[] {
  const { hears: had } = was;
  if (had === undefined) return [];
  const come = (is.hears ?? []).filter((event) => !had.includes(event));
  const what = `${is.name} hears it now. A consumer that is there already begins where it stands.`;
  const advice = "Give it a consumer of its own when it must hear what is told before its build leads.";
  return come.map((at) => ({ at, part: "hearing", what, order: "any", affects: ["subscribers"], advice }));
}

function pairsOf(
  { at, order, users: only }: Change,
  owner: ContractSnapshot,
  all: readonly ContractSnapshot[],
): readonly (readonly [string, string])[] {
  if (order === "any" || order === "side-by-side") return [];
  const users = only ?? usersOf(at, owner, all);
  return users.map((user) => (order === "owner-first" ? [owner.name, user] : [user, owner.name]));
}

/** Who uses an operation or hears an event, as far as the snapshots say. */
function usersOf(at: string, owner: ContractSnapshot, all: readonly ContractSnapshot[]): readonly string[] {
  const name = at.slice(owner.name.length + 1);
  const operation = owner.operations[name];
  const known = all.filter(({ uses }) => uses !== undefined);
  if (known.length === 0) return [OTHERS];
  const only = operation?.allow.every(({ kind }) => kind === "services")
    ? new Set(operation.allow.flatMap((rule) => (rule.kind === "services" ? rule.services : [])))
    : undefined;
  const isEvent = owner.events[name] !== undefined;
  const users = known
    .filter(({ uses = [], hears = [] }) => (isEvent ? hears.includes(at) : uses.includes(owner.name)))
    .map((snapshot) => snapshot.name)
    .filter((user) => user !== owner.name && (only === undefined || only.has(user)));
  return [...new Set(users)].toSorted();
}

/** Steps such that every first comes before its second; what cannot be put in a step goes in a circle. */
function sorted(pairs: readonly Precedence[]): Pick<ContractPlan, "steps" | "circular"> {
  let left = new Set(pairs.flatMap(({ first, second }) => [first, second]));
  const steps: string[][] = [];
  while (left.size > 0) {
    const waiting = new Set(pairs.filter(({ first }) => left.has(first)).map(({ second }) => second));
    const step = [...left].filter((service) => !waiting.has(service)).toSorted();
    if (step.length === 0) return { steps: [], circular: [...left].toSorted() };
    steps.push(step);
    left = new Set([...left].filter((service) => waiting.has(service)));
  }
  return { steps, circular: [] };
}
