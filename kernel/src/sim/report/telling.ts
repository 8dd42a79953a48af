/** Events in words. */
import { stableName } from "../faults.ts";
import type { SimEvent } from "../history.ts";
import { BEGIN_MS } from "../run-seed.ts";
import { isNoise } from "./relevant.ts";

/** Seconds since the run began: `3.085`. */
export function secondsOf(at: number): string {
  return ((at - BEGIN_MS) / 1_000).toFixed(3);
}

/** The key of an event for people; nothing for what only tells occasions apart. */
export function keyOf({ about = "" }: SimEvent): string {
  return about === "" || about.startsWith("~") ? "" : stableName(about);
}

/** An event as a sentence, without its time. */
export function sentenceOf(event: SimEvent): string {
  const { kind, who, whom = "" } = event;
  const what = stableName(event.what);
  const key = keyOf(event);
  const about = key === "" ? "" : ` [${key}]`;
  switch (kind) {
    case "send":
      return `${who} → ${whom}  ${what}${about}`;
    case "arrive":
      return `${who} ← ${whom}  ${what} arrives${about}`;
    case "reply":
      return `${whom} ⇠ ${who}  ${what}: ${event.outcome ?? "done"}${about}`;
    case "lost":
      return `${who} ✗ ${whom}  ${what} is lost${about}`;
    case "commit":
      return `${who} commits ${what}${about}`;
    case "rollback":
      return `${who} loses ${what}${about}`;
    case "crash":
      return `✝ ${who} dies: ${what}`;
    case "start":
      return `${who} starts, ${what}`;
    case "publish":
      return `${who} has ${what}${about}`;
    case "fault":
      return `⚡ ${who}: ${what}`;
    case "note":
      return `${who}: ${what}`;
    case "log":
      return `${who} logs ${what}`;
    case "violation":
      return `‼ ${who}: ${what}`;
  }
}

/** What a message or a mark in a diagram is called: shorter than the sentence, for the parties are drawn. */
export function labelOf(event: SimEvent): string {
  const key = keyOf(event);
  const [what, about] = [stableName(event.what), key === "" ? "" : ` [${key}]`];
  if (event.kind === "reply") return event.outcome ?? "done";
  if (event.kind === "commit") return `commits ${what}${about}`;
  if (event.kind === "crash") return `dies: ${what}`;
  if (event.kind === "start") return `starts, ${what}`;
  if (event.kind === "fault") return `${event.who}: ${what}`;
  return event.kind === "violation" ? `${event.who}: ${what}` : `${what}${about}`;
}

/** The story of a run, line by line. Without `verbose`, noise is left out, and so are arrivals. */
export function storyLines(events: readonly SimEvent[], verbose = false): readonly string[] {
  const lines: string[] = [];
  let [last, times] = ["", 0];
  const flush = (): void => {
    if (times > 1) lines.push(`${lines.pop() ?? ""}  (${times} times)`);
  };
  for (const event of events) {
    if (!verbose && (isNoise(event) || event.kind === "arrive")) continue;
    const sentence = sentenceOf(event);
    // Events of one type follow one another in hundreds when a copy is filled.
    const same = event.kind === "publish" && !verbose ? `${event.who} ${event.what}` : sentence;
    if (same === last && !verbose) {
      times += 1;
      continue;
    }
    flush();
    [last, times] = [same, 1];
    lines.push(`${secondsOf(event.at).padStart(9)}  ${sentence}`);
  }
  flush();
  return lines;
}
