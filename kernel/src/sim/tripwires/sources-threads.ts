/** What other threads, the collector or the compiler decide: when it ends, or whether it is there. */
import asyncHooks from "node:async_hooks";
import sqlite from "node:sqlite";
import v8 from "node:v8";
import vm from "node:vm";
import workers from "node:worker_threads";
import zlib from "node:zlib";
import { type Guard, type Source, all, some } from "./source.ts";

const SYNC = "the form that ends at once (…Sync)";
const TURN = "promises, or the Clock port (soon)";
const NOTHING = "nothing that other threads or the garbage collector decide";

const databaseGuard: Guard = ([path]) => (path === ":memory:" ? undefined : "a database in a file");

/** What ends when a thread is done, is gone when the collector came by, or counts on across runs. */
export function sourcesOfThreads(): readonly Source[] {
  const global = { name: "", owner: globalThis, instead: NOTHING };
  return [
    ...all({ name: "node:zlib", owner: zlib, instead: SYNC }, [/Sync$/, "crc32"]),
    ...some({ ...global, instead: SYNC }, ["CompressionStream", "DecompressionStream"]),
    ...collector(),
    ...some({ name: "Atomics", owner: Atomics, instead: NOTHING }, ["wait", "waitAsync"]),
    ...some({ name: "WebAssembly", owner: namespace("WebAssembly"), instead: "new WebAssembly.Module" }, [
      ...["compile", "instantiate", "compileStreaming", "instantiateStreaming"],
    ]),
    // One turn of the event loop delivers their messages, as far as was measured; but they travel by a queue of the
    // operating system that other threads may write to, around the order that the seed gives to events.
    ...some({ ...global, instead: TURN }, ["MessageChannel", "BroadcastChannel"]),
    ...some({ name: "node:worker_threads", owner: workers, instead: TURN }, ["MessageChannel", "BroadcastChannel"]),
    ...some({ name: "node:worker_threads", owner: workers, instead: NOTHING }, ["Worker", "postMessageToThread"]),
    ...some({ name: "node:sqlite", owner: sqlite, instead: "the Storage port" }, ["DatabaseSync"], {
      guard: databaseGuard,
    }),
    ...some({ name: "node:sqlite", owner: sqlite, instead: "the Storage port" }, ["backup"]),
    ...realms(),
    // Counters of the whole process: a run that follows another goes on counting.
    ...some({ name: "node:async_hooks", owner: asyncHooks, instead: "the Ids port" }, [
      ...["executionAsyncId", "triggerAsyncId"],
    ]),
  ];
}

/** A namespace that Node's types leave to those of the browser. */
function namespace(name: string): object {
  return Reflect.get(globalThis, name) as object;
}

function collector(): readonly Source[] {
  const instead = NOTHING;
  return [
    ...some({ name: "", owner: globalThis, instead }, ["WeakRef", "FinalizationRegistry"]),
    ...some({ name: "WeakRef.prototype", owner: WeakRef.prototype, instead }, ["deref"]),
    ...some({ name: "FinalizationRegistry.prototype", owner: FinalizationRegistry.prototype, instead }, ["register"]),
    ...some({ name: "process", owner: process, instead }, ["finalization"], { isRead: true }),
    ...some({ name: "node:v8", owner: v8, instead }, [
      ...["getHeapStatistics", "getHeapSpaceStatistics", "getHeapCodeStatistics", "getCppHeapStatistics"],
      ...["getHeapSnapshot", "writeHeapSnapshot", "queryObjects", "GCProfiler", "startCpuProfile"],
    ]),
  ];
}

/** Other realms have a `Date` and a `Math.random` that nothing watches. */
function realms(): readonly Source[] {
  const at = { name: "node:vm", owner: vm, instead: "this realm" };
  return [
    ...some(at, ["createContext", "runInNewContext", "measureMemory"]),
    ...some({ ...at, name: "node:vm.Script.prototype", owner: vm.Script.prototype }, ["runInNewContext"]),
  ];
}
