/**
 * One run of one saga: from its start, or from a wait, to its end or its next wait.
 *
 * What holds across a crash at any point:
 *  - of the journal, a prefix is durable. When a step's call is made, at most one entry before it is not; that one is a
 *    command's result, which its callee gives again to the same key;
 *  - so after a crash the first step that is not in the journal may have succeeded, and the next one may have been called
 *    on the strength of that. It is repeated until it answers: given up, it would leave the next one's effect behind;
 *  - queries, faults, times, waits, `local` and the pivot are durable before anything follows from them;
 *  - why a saga turns back, and what is to be undone, is durable before the first undo.
 */
import { validator } from "../schema/mod.ts";
import { type Fault, type FaultData, faultFrom, toFault } from "../std/mod.ts";
import { BodyContext } from "./body-context.ts";
import { compensate } from "./compensation.ts";
import { putAway, writeEnd } from "./endings.ts";
import { Aborted, CodeMissing, Nondeterministic, OutputBroken, StepName } from "./faults.ts";
import type { Began, FiberHost, FiberOptions } from "./host.ts";
import { Ledger } from "./ledger.ts";
import { Outside } from "./outside.ts";
import {
  ABANDON,
  ABORT,
  BODY,
  type Entry,
  type EntryKind,
  LAST_WORD,
  type SagaRow,
  TURN,
  type Turn,
  decode,
  encode,
  encodeFault,
  originOf,
} from "./records.ts";
import { Replay } from "./replay.ts";
import type { Saga, SagaOutcome, SagaStatus } from "./saga.ts";
import type { Undo } from "./undo.ts";
import { Workload } from "./workload.ts";

/**
 * `forward`: the body runs. `turning`: it failed, and what is under way is awaited. `back`: undoing. `finishing`: the body
 * returned, and what is under way is awaited. `closing`: the last word. `over`: nothing more happens here.
 */
type Stage = "forward" | "turning" | "back" | "finishing" | "closing" | "over";

/** Runs one saga. */
export class Fiber {
  readonly row: SagaRow;
  readonly ledger: Ledger;
  readonly work: Workload;
  readonly outside: Outside;
  /** Whether the saga may have run in a process that died: then what is not in its journal may have happened. */
  readonly isRecovered: boolean;
  readonly #host: FiberHost;
  readonly #saga: Saga | undefined;
  readonly #replay: Replay;
  /** Where the saga was put away. */
  readonly #parked: Pick<SagaRow, "step" | "attempts" | "doubtful">;
  readonly #undos = new Map<string, Undo>();
  #stage: Stage = "forward";
  #turn: Turn | undefined;
  #isBack = false;
  #isParked = false;
  /** How many operations had their outcome in this run, not from the journal. */
  #results = 0;
  #abortRequested: boolean;

  constructor(host: FiberHost, { saga, row, entries, isRecovered }: FiberOptions) {
    const { options } = host;
    const known = new Map(entries.map((entry) => [entry.name, entry]));
    this.row = row;
    this.isRecovered = isRecovered;
    this.#host = host;
    this.#saga = saga;
    const origin = originOf(row);
    this.outside = new Outside(options, host.limits, row, origin);
    this.#replay = new Replay(known);
    this.#parked = { step: row.step, attempts: row.attempts, doubtful: row.doubtful };
    this.#abortRequested = known.has(ABORT);
    const seq = entries.at(-1)?.seq ?? 0;
    this.ledger = new Ledger({ journal: host.journal, engine: options, origin, row, seq });
    this.work = new Workload({
      clock: options.clock,
      expectsQuiet: () => this.#stage !== "forward",
      onQuiet: () => this.#quiet(),
    });
    if (row.status === "waiting") row.status = "running";
  }

  /** Whether something under way is no longer of interest. */
  drops(name: string): boolean {
    return this.#stage === "over" || (this.#stage === "closing" && name !== LAST_WORD);
  }

  /** Whether it was put away with nothing left open: all that happened is in the journal. */
  get isParked(): boolean {
    return this.#isParked;
  }

  get isTurning(): boolean {
    return this.#stage === "turning";
  }

  get pivoted(): boolean {
    return this.row.pivoted === 1;
  }

  /** The status of a saga that is neither waiting nor stuck nor at its end. */
  get underWay(): SagaStatus {
    return this.#isBack ? "compensating" : "running";
  }

  /** Begins. Returns at once. */
  run(): void {
    if (this.#stage === "closing") return;
    const turn = this.#replay.entry(TURN);
    const abandoned = this.#replay.entry(ABANDON);
    if (abandoned !== undefined) {
      void this.#close("aborted", decode(abandoned.value) as FaultData);
    } else if (this.#saga === undefined) {
      this.#halt(CodeMissing.with({ saga: this.row.saga, version: this.row.version }));
    } else if (turn !== undefined) {
      this.#goOnBack(this.#saga, decode(turn.value) as Turn);
    } else {
      if (this.#abortRequested) this.#turnBack(Aborted.with(undefined));
      this.#runBody(this.#saga);
    }
  }

  /**
   * Ends the saga as an operator wishes: before the pivot it turns back; past it, or on the way back, it is left as it
   * is and marked.
   */
  abort(): void {
    const { ledger } = this;
    if (this.#stage === "over" || this.#stage === "finishing" || this.#stage === "closing") return;
    if (this.pivoted || this.#replay.entry(TURN) !== undefined || this.#stage === "back") {
      const fault = Aborted.with(undefined);
      ledger.record(ABANDON, "abort", "done", encodeFault(fault));
      void this.#close("aborted", fault.toJSON());
    } else if (!this.#abortRequested) {
      this.#abortRequested = true;
      ledger.record(ABORT, "abort", "done", null);
      this.#turnBack(Aborted.with(undefined));
    }
  }

  // For operations.

  /** What the journal held of a name when this run began. */
  recorded(name: string): Entry | undefined {
    return this.#replay.entry(name);
  }

  hasAsked(name: string): boolean {
    return this.#replay.hasAsked(name);
  }

  /** How often it had failed when the saga was put away at it. */
  parkedAttempts(name: string): number {
    return this.#parked.step === name ? this.#parked.attempts : 0;
  }

  /**
   * The body comes to an operation: its entry, if it has one.
   * @throws {StepName}
   */
  ask(name: string, kind: EntryKind): Entry | undefined {
    const asked = this.#replay.ask(name, kind);
    if (asked.kind === "recorded") return asked.entry;
    if (asked.kind === "misnamed") throw StepName.with({ saga: this.row.saga, name, detail: asked.detail });
    // The operation finds the fiber over, and does not settle.
    if (asked.kind === "otherwise") this.#halt(Nondeterministic.with({ saga: this.row.saga, detail: asked.detail }));
    return undefined;
  }

  /** Remembers how to take a step back. */
  undoable(undo: Undo): Undo {
    this.#undos.set(undo.name, undo);
    return undo;
  }

  /** An operation that is not in the journal may begin; or, when this is undefined, must not, and must not settle. */
  async begin(name: string, isCommand: boolean, undo?: Undo): Promise<Began | undefined> {
    const { work, ledger } = this;
    const isFirst = this.#results === 0;
    const isDoubtful = this.isRecovered || this.#parked.attempts > 0;
    work.enter();
    if (this.#replay.unasked > 0 && this.#stage === "forward") {
      // Other branches of the body may be on their way to the rest of the journal. They need no more than this turn.
      await new Promise<void>((resolve) => this.outside.soon(resolve));
      if (this.#replay.unasked > 0 && this.#stage === "forward") this.#haltMissing(`it comes to "${name}"`);
    }
    if (ledger.volatile > 1) await ledger.durable(1);
    const parked = this.#parked.step === name && this.#parked.doubtful === 0;
    const mustResolve = isCommand && isFirst && this.isRecovered && !parked && !this.pivoted;
    const goes = this.#stage === "forward" || (this.#stage === "turning" && mustResolve);
    if (goes && !work.isStopping) {
      const attempts = this.parkedAttempts(name);
      this.row.step = name;
      this.row.attempts = attempts;
      return { doubtful: isDoubtful, parked, mustResolve, attempts };
    }
    // It may have been called in an earlier run, and before a crash also on the strength of an answer that was lost.
    if (this.isTurning && isDoubtful && !work.isStopping) this.#giveUp(name, undo, Aborted.with(undefined));
    work.exit();
    return undefined;
  }

  /** An operation has its outcome, and the body goes on. */
  leave(): void {
    this.#results += 1;
    this.progressed();
    this.work.exit();
  }

  /** Something succeeded: if the saga was stuck, it is not any more. */
  progressed(): void {
    const { row } = this;
    if (row.status !== "stuck") return;
    row.status = this.underWay;
    row.fault = this.#turn === undefined ? null : JSON.stringify(this.#turn.fault);
  }

  // The course of a run.

  #runBody(saga: Saga): void {
    // Also a body that is not async must not throw at the engine.
    const running = (async () => await saga.run(new BodyContext(this), JSON.parse(this.row.input)))();
    running.then(
      (output) => this.#returned(saga, output),
      (error: unknown) => this.#threw(error),
    );
  }

  #returned(saga: Saga, output: unknown): void {
    if (this.#stage !== "forward") return;
    if (this.#replay.unasked > 0) {
      this.#haltMissing("it returned");
      return;
    }
    try {
      this.row.output = encode(validator(saga.output, `output of the saga ${saga.name}`).parse(output));
    } catch (error) {
      this.#threw(OutputBroken.with({ saga: saga.name }, { cause: error }));
      return;
    }
    this.#stage = "finishing";
    if (this.work.isQuiet) void this.#close("completed", undefined);
  }

  #threw(error: unknown): void {
    if (this.#stage !== "forward") return;
    const fault = toFault(error);
    if (!this.pivoted) {
      this.#turnBack(fault);
      return;
    }
    // There is no way back, so it is tried again: with the same journal, and perhaps with mended code.
    const { outside, work } = this;
    const attempts = this.parkedAttempts(BODY) + 1;
    const stuck = attempts >= outside.limits.stuckAfterAttempts;
    if (stuck) outside.stuck(BODY, attempts, fault);
    work.enter();
    const wakeAt = outside.now() + Math.ceil(outside.backoffMs(attempts));
    work.pause({ name: BODY, wakeAt, retry: { attempts, fault, stuck, mustResolve: true, undo: undefined } });
  }

  #turnBack(fault: Fault): void {
    if (this.#stage !== "forward") return;
    this.#stage = "turning";
    this.#turn = { fault: JSON.parse(encodeFault(fault)) as FaultData, undo: [] };
    this.outside.turnsBack(fault);
    this.work.endRests(true);
    this.work.lookForQuiet();
  }

  #quiet(): void {
    const { work } = this;
    switch (this.#stage) {
      case "finishing":
        void this.#close("completed", undefined);
        break;
      case "turning":
        if (work.pauses().some(({ retry }) => retry?.mustResolve)) this.#park();
        else void this.#goBack();
        break;
      case "forward":
      case "back":
      case "closing":
        if (work.isPaused) this.#park();
        break;
      case "over":
        break;
    }
  }

  async #goBack(): Promise<void> {
    const { ledger, work, row } = this;
    const fault = this.#turn?.fault ?? Aborted.with(undefined).toJSON();
    if (this.pivoted) {
      // Another branch of the body has passed the pivot meanwhile.
      this.#stage = "forward";
      this.#turn = undefined;
      this.#threw(faultFrom(fault));
      return;
    }
    this.#stage = "back";
    this.#isBack = true;
    work.enter();
    for (const { name, retry } of work.pauses()) if (retry !== undefined) this.#giveUp(name, retry.undo, retry.fault);
    work.forgetPauses();
    const undos = [...this.#undos.values()].filter(({ isDue }) => isDue).toReversed();
    this.#turn = { fault, undo: undos.map(({ name }) => name) };
    row.fault = JSON.stringify(fault);
    ledger.record(TURN, "turn", "done", JSON.stringify(this.#turn));
    ledger.store({ status: "compensating", wakeAt: this.outside.now() });
    await ledger.durable();
    await this.#compensate(undos, fault);
  }

  /** Goes on with a compensation that an earlier run began: the body is replayed only to learn how to undo. */
  #goOnBack(saga: Saga, turn: Turn): void {
    this.#stage = "back";
    this.#isBack = true;
    this.#turn = turn;
    this.work.enter();
    if (this.row.status !== "stuck") this.row.status = "compensating";
    if (turn.undo.length > 0) this.#runBody(saga);
    // The body awaits nothing but journaled results: by the end of this turn it has come as far as it can.
    this.outside.soon(() => {
      if (this.#stage !== "back") return;
      const undos = turn.undo.map((name) => this.#undos.get(name)).filter((undo) => undo !== undefined);
      if (undos.length === turn.undo.length) void this.#compensate(undos, turn.fault);
      else this.#halt(Nondeterministic.with({ saga: this.row.saga, detail: "it does not come to steps to be undone" }));
    });
  }

  async #compensate(undos: readonly Undo[], fault: FaultData): Promise<void> {
    if (!(await compensate(this, undos))) return;
    this.work.exit();
    await this.#close("compensated", fault);
  }

  #giveUp(name: string, undo: Undo | undefined, fault: Fault): void {
    if (undo === undefined) return;
    const text = encodeFault(fault);
    undo.settle("unknown", text);
    this.ledger.record(name, "step", "unknown", text);
  }

  #park(): void {
    putAway(this);
    this.#isParked = this.row.doubtful === 0;
    void this.#end();
  }

  /** The code does not fit the journal. Nothing can be done but to look again later, when it may have been mended. */
  #halt(fault: Fault): void {
    const { step, attempts, doubtful } = this.#parked;
    if (this.#stage === "over" || this.#stage === "closing") return;
    if (this.#abortRequested) {
      void this.#close("aborted", JSON.parse(encodeFault(fault)) as FaultData);
      return;
    }
    this.outside.stuck(this.row.step ?? BODY, attempts, fault);
    const wakeAt = this.outside.now() + this.outside.limits.backoffMaxMs;
    this.ledger.store({ status: "stuck", step, attempts, doubtful: doubtful === 1, wakeAt });
    void this.#end();
  }

  #haltMissing(when: string): void {
    const detail = `${when} without having come to ${this.#replay.missing()}`;
    this.#halt(Nondeterministic.with({ saga: this.row.saga, detail }));
  }

  /** Ends the saga, and lets it say its last word in the same transaction. */
  async #close(status: SagaOutcome["status"], fault: FaultData | undefined): Promise<void> {
    const { work } = this;
    this.#stage = "closing";
    this.row.fault = fault === undefined ? null : JSON.stringify(fault);
    work.enter();
    work.forgetPauses();
    work.endRests(true);
    if (await writeEnd(this, this.#saga, status)) await this.#end();
  }

  /** Leaves the run for good, once what it wrote is durable. */
  async #end(): Promise<void> {
    this.#stage = "over";
    this.work.endRests(false);
    await this.ledger.durable();
    this.#host.ended(this);
  }
}
