/** Where a simulation can be left: places on objects, listed by subject in `sources-*.ts`. */

/**
 * Looks at the arguments of a use and says what was used, or nothing when the seed decides all of it: `new Date(0)` is
 * harmless, `new Date()` is not.
 */
export type Guard = (args: readonly unknown[], isNew: boolean) => string | undefined;

/** A property through which code reaches what the seed does not decide. */
export interface Source {
  /** As people know it: `Date.now`, `node:fs.readFileSync`. Two places of one function have the first one's name. */
  readonly name: string;
  readonly owner: object;
  readonly key: PropertyKey;
  /** What to use instead, to follow "Use ". */
  readonly instead: string;
  /** Without one, every use trips. */
  readonly guard?: Guard;
  /** Reading the property trips, not calling what it holds. */
  readonly isRead?: true;
}

/** An object whose properties are sources. */
interface Owner {
  /** Names begin with it: `Date`, `node:fs`. Empty for the global object. */
  readonly name: string;
  readonly owner: object;
  readonly instead: string;
}

/** The named properties of an object. Those that this version of Node lacks are left out. */
export function some(at: Owner, keys: readonly string[], extra: Pick<Source, "guard" | "isRead"> = {}): Source[] {
  return keys.filter((key) => Object.hasOwn(at.owner, key)).flatMap((key) => sourcesAt(at, key, extra));
}

/**
 * Every function of an object but those known to be harmless: what a later version of Node adds is a source until
 * somebody has looked at it.
 */
export function all(
  at: Owner,
  harmless: readonly (string | RegExp)[],
  guards: Readonly<Record<string, Guard>> = {},
): Source[] {
  const isHarmless = (key: string): boolean =>
    harmless.some((known) => (typeof known === "string" ? known === key : known.test(key)));
  return Object.keys(Object.getOwnPropertyDescriptors(at.owner))
    .filter((key) => key !== "constructor" && isReachable(at.owner, key) && !isHarmless(key))
    .flatMap((key) => sourcesAt(at, key, guards[key] === undefined ? {} : { guard: guards[key] }));
}

/** A property, and what hangs on its function: `hrtime.bigint`, `realpath.native`. */
function sourcesAt({ name, owner, instead }: Owner, key: string, extra: Pick<Source, "guard" | "isRead">): Source[] {
  const source = { name: name === "" ? key : `${name}.${key}`, owner, key, instead, ...extra };
  const value: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
  if (typeof value !== "function" || extra.guard !== undefined) return [source];
  const members = Object.keys(value).filter((member) => typeof Reflect.get(value, member) === "function");
  return [
    source,
    ...members.map((member) => ({ name: `${source.name}.${member}`, owner: value, key: member, instead })),
  ];
}

/** Functions, and getters that may lead to one. Nothing can stand in the way of what is not configurable. */
function isReachable(owner: object, key: string): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  if (descriptor === undefined || (descriptor.configurable !== true && descriptor.writable !== true)) return false;
  return typeof descriptor.value === "function" || descriptor.get !== undefined;
}
