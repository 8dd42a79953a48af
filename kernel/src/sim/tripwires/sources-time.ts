/** Clocks, timers, and the machine's time zone. */
import perfHooks from "node:perf_hooks";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { type Guard, type Source, all, some } from "./source.ts";

const CLOCK = "the Clock port (now, monotonicMs)";
const TIMER = "the Clock port (after, soon) or sleep(clock, …)";
const ZONE = "UTC (toISOString, getUTC…, an explicit timeZone)";

/** A date and a time without a zone, which is read in the machine's. A date alone is UTC, by the standard. */
const LOCAL_TEXT = /^[+-]?\d{4,6}-\d\d(?:-\d\d)?T[\d:.,]+$/;

const inLocalText = (value: unknown): string | undefined =>
  typeof value === "string" && !value.endsWith("Z") && LOCAL_TEXT.test(value)
    ? "the time of a text without a time zone"
    : undefined;

const dateGuard: Guard = (args, isNew) => {
  if (!isNew) return "Date()";
  if (args.length === 1) return inLocalText(args[0]);
  return args.length === 0 ? "new Date()" : "new Date(year, month, …), in the machine's time zone,";
};
const parseGuard: Guard = ([text]) => inLocalText(text);
/** `toLocaleString(locales, options)` and `new Intl.DateTimeFormat(locales, options)`. */
const zoneGuard =
  (what: string): Guard =>
  ([, options]) =>
    (options as Intl.DateTimeFormatOptions | undefined)?.timeZone === undefined
      ? `${what} in the machine's time zone`
      : undefined;
const formatGuard: Guard = ([date]) => (date === undefined ? "Intl.DateTimeFormat's present moment" : undefined);
const markGuard: Guard = ([, options]) =>
  (options as { readonly startTime?: number } | undefined)?.startTime === undefined
    ? "new PerformanceMark()"
    : undefined;
const fileGuard: Guard = ([, , options]) =>
  (options as { readonly lastModified?: number } | undefined)?.lastModified === undefined
    ? "new File() without lastModified"
    : undefined;

/** Methods that depend on where the machine stands: a seed found in one time zone must replay in another. */
const LOCAL_METHODS = [
  ...["getTimezoneOffset", "getYear", "getFullYear", "getMonth", "getDate", "getDay", "getHours", "getMinutes"],
  ...["getSeconds", "setYear", "setFullYear", "setMonth", "setDate", "setHours", "setMinutes", "setSeconds"],
  ...["toString", "toDateString", "toTimeString"],
];

/** What reads a clock, waits on one, or asks where the machine stands. */
export function sourcesOfTime(): readonly Source[] {
  return [...dates(), ...formats(), ...clocks(), ...timerSources()];
}

function dates(): readonly Source[] {
  const at = { name: "Date.prototype", owner: Date.prototype, instead: ZONE };
  return [
    ...some({ name: "", owner: globalThis, instead: CLOCK }, ["Date"], { guard: dateGuard }),
    // Libraries compare `date.constructor` to `Date`, and make dates of it.
    { name: "Date.prototype.constructor", owner: Date.prototype, key: "constructor", instead: CLOCK, guard: dateGuard },
    ...some({ name: "Date", owner: Date, instead: CLOCK }, ["now"]),
    ...some({ name: "Date", owner: Date, instead: ZONE }, ["parse"], { guard: parseGuard }),
    ...some(at, LOCAL_METHODS),
    ...["toLocaleString", "toLocaleDateString", "toLocaleTimeString"].flatMap((key) =>
      some(at, [key], { guard: zoneGuard(`Date.${key}`) }),
    ),
  ];
}

function formats(): readonly Source[] {
  const zoned = { guard: zoneGuard("Intl.DateTimeFormat") };
  const at = { name: "Intl.DateTimeFormat.prototype", owner: Intl.DateTimeFormat.prototype, instead: CLOCK };
  return [
    ...some({ name: "Intl", owner: Intl, instead: ZONE }, ["DateTimeFormat"], zoned),
    { ...at, name: `${at.name}.constructor`, key: "constructor", instead: ZONE, ...zoned },
    ...some(at, ["format", "formatToParts"], { guard: formatGuard }),
  ];
}

function clocks(): readonly Source[] {
  const instead = CLOCK;
  const global = { name: "", owner: globalThis, instead };
  const performances = { name: "performance", owner: Object.getPrototypeOf(performance) as object, instead };
  const now: unknown = Reflect.get(Reflect.get(globalThis, "Temporal") ?? {}, "Now");
  return [
    ...all(performances, [/^(?:on|addEvent|removeEvent|dispatch|setResource)/, "timeOrigin"]),
    ...some(performances, ["timeOrigin", "nodeTiming"], {
      isRead: true,
    }),
    ...some(global, ["PerformanceObserver"]),
    ...some(global, ["PerformanceMark"], { guard: markGuard }),
    ...some({ name: "node:perf_hooks", owner: perfHooks, instead }, [
      ...["monitorEventLoopDelay", "eventLoopUtilization", "timerify", "PerformanceObserver"],
    ]),
    ...some({ name: "node:perf_hooks", owner: perfHooks, instead }, ["PerformanceMark"], { guard: markGuard }),
    ...some({ name: "process", owner: process, instead }, ["hrtime", "uptime"]),
    ...some({ name: "Event.prototype", owner: Event.prototype, instead }, ["timeStamp"], { isRead: true }),
    ...some({ name: "console", owner: console, instead }, ["time", "timeEnd", "timeLog", "timeStamp"]),
    ...some(global, ["File"], { guard: fileGuard }),
    ...(typeof now === "object" && now !== null ? all({ name: "Temporal.Now", owner: now, instead }, []) : []),
  ];
}

function timerSources(): readonly Source[] {
  const instead = TIMER;
  const scheduler: object = Object.getPrototypeOf(timersPromises.scheduler);
  return [
    // First, so that what `promisify` finds on the others has its own name.
    ...all({ name: "node:timers/promises", owner: timersPromises, instead }, []),
    ...all({ name: "node:timers/promises.scheduler", owner: scheduler, instead }, []),
    ...some({ name: "", owner: globalThis, instead }, ["setTimeout", "setInterval", "setImmediate"]),
    ...all({ name: "node:timers", owner: timers, instead }, [/^clear/, "promises"]),
    ...some({ name: "AbortSignal", owner: AbortSignal, instead }, ["timeout"]),
  ];
}
