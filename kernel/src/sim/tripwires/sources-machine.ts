/** Files, sockets, processes, and how the machine is doing. */
import childProcess from "node:child_process";
import cluster from "node:cluster";
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import tls from "node:tls";
import { type Source, all, some } from "./source.ts";

const FILES = "the Storage port";
const NETWORK = "the world's fetch, or call a contract";
const MACHINE = "a setting of the service";
const NO_PROCESS = "nothing: a simulation has one process";

/** What lies outside the process, and how it and the machine are doing. */
export function sourcesOfMachine(): readonly Source[] {
  return [...files(), ...sockets(), ...processes(), ...facts()];
}

function files(): readonly Source[] {
  const instead = FILES;
  return [
    ...all({ name: "node:fs", owner: fs, instead }, ["Stats", "Dirent", "_toUnixTimestamp", "promises"]),
    ...all({ name: "node:fs/promises", owner: fs.promises, instead }, []),
  ];
}

function sockets(): readonly Source[] {
  const instead = NETWORK;
  // Messages of `node:http` can be made without a socket, as those who test servers do.
  const messages = [
    /^(?:IncomingMessage|OutgoingMessage|ServerResponse|_connectionListener)$/,
    /^(?:validate|set|max)/,
  ];
  return [
    ...some({ name: "", owner: globalThis, instead }, ["fetch", "WebSocket", "EventSource"]),
    ...all({ name: "node:net", owner: net, instead }, [/^(?:is|get|set|_norm)/, "BlockList", "SocketAddress"]),
    ...all({ name: "node:http", owner: http, instead }, [...messages, "globalAgent", "CloseEvent", "MessageEvent"]),
    ...all({ name: "node:https", owner: https, instead }, []),
    ...all({ name: "node:http2", owner: http2, instead }, [/^get/, /^Http2Server/]),
    ...all({ name: "node:tls", owner: tls, instead }, [
      /^(?:getCiphers|getCertificateCompressionAlgorithms|convertALPNProtocols|checkServerIdentity)$/,
      /^(?:createSecureContext|SecureContext)$/,
    ]),
    ...all({ name: "node:dgram", owner: dgram, instead }, []),
    ...all({ name: "node:dns", owner: dns, instead }, ["promises"]),
    ...all({ name: "node:dns/promises", owner: dns.promises, instead }, []),
  ];
}

function processes(): readonly Source[] {
  const instead = NO_PROCESS;
  return [
    ...all({ name: "node:child_process", owner: childProcess, instead }, ["ChildProcess"]),
    ...some({ name: "node:cluster", owner: cluster, instead }, ["fork", "setupPrimary", "setupMaster"]),
    ...some({ name: "process", owner: process, instead }, ["kill", "chdir", "dlopen", "execve", "loadEnvFile"]),
  ];
}

function facts(): readonly Source[] {
  const instead = MACHINE;
  return [
    ...some({ name: "process", owner: process, instead }, [
      ...["cpuUsage", "threadCpuUsage", "resourceUsage", "memoryUsage", "availableMemory", "constrainedMemory"],
      "getActiveResourcesInfo",
    ]),
    ...all({ name: "node:os", owner: os, instead }, [/^(?:arch|platform|endianness|type)$/]),
    ...some({ name: "navigator", owner: Navigator.prototype, instead }, ["hardwareConcurrency", "locks"], {
      isRead: true,
    }),
    ...some({ name: "navigator", owner: Navigator.prototype, instead }, ["language", "languages"], { isRead: true }),
  ];
}
