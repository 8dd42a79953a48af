/** Who may import whom: the kernel's order, one door per part, and services that know only each other's contracts. */
import { type Finding, type Import, type Module, type Rule, lineAt } from "./tree.ts";

/** The kernel's parts, most basic first. Parts of one entry never import one another. */
export const LAYERS: readonly (readonly string[])[] = [
  ["std"],
  ["schema"],
  ["contract"],
  ["wire"],
  ["observe"],
  ["guard"],
  ["store"],
  ["events"],
  ["sourcing"],
  ["saga"],
  ["security"],
  ["transport"],
  ["runtime"],
  ["gateway"],
  ["sqlite"],
  ["node", "sim"],
  ["cli"],
];

/** What a part may take from outside. Tests may also use `fast-check`. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  schema: ["typebox"],
  store: ["kysely"],
  runtime: ["kysely"],
  wire: ["@msgpack/msgpack"],
  node: [
    "fastify",
    "@fastify/cors",
    "@fastify/compress",
    "nodemailer",
    "pg",
    "@nats-io/transport-node",
    "@nats-io/jetstream",
    "@nats-io/kv",
    "@redis/client",
    "amqplib",
    "@peculiar/asn1-schema",
    "@peculiar/asn1-x509",
    "@grpc/grpc-js",
    "protobufjs",
  ],
};

/** Where the shop is put together and tried: these see all of it. */
const SEES_ALL = /^commerce\/(?:[a-z-]+\.ts$|(?:run|seed|testing)\/)/;
/** Parts of the kernel that services must not reach: they get them as ports. */
const NOT_FOR_SERVICES = new Set(["sqlite", "node", "sim"]);

/** Imports follow the order. */
export const layers: Rule = function* (tree) {
  for (const module of tree.modules) {
    for (const imported of module.imports) {
      const message = objection(module, imported);
      if (message !== undefined) yield { ...at(module, imported), rule: "layers", message };
    }
  }
};

function objection(module: Module, imported: Import): string | undefined {
  const { target } = imported;
  const isProduct = /^(?:kernel|commerce)\//.test(module.path) && !module.isTest;
  if (isProduct && target !== undefined && isTestCode(target)) return "Only tests import what is made for tests.";
  if (module.path.startsWith("kernel/")) return kernelObjection(module, imported);
  if (module.path.startsWith("commerce/")) return commerceObjection(module, imported);
  return undefined;
}

function kernelObjection(module: Module, { specifier, target }: Import): string | undefined {
  const own = partOf(module.path);
  if (target === undefined) return packageObjection(module, own, specifier);
  if (!target.startsWith("kernel/")) return "The kernel imports nothing outside kernel/.";
  const other = partOf(target);
  if (other === own || module.isTest) return undefined;
  if (!target.endsWith("/mod.ts")) return `Import kernel/src/${other} through its mod.ts.`;
  const [low, high] = [rankOf(other), rankOf(own)];
  if (low === -1 || high === -1) return `"${low === -1 ? other : own}" has no place in the order of layers.`;
  return low < high ? undefined : `${own} comes before ${other} in the order of layers, so it must not import it.`;
}

function packageObjection(module: Module, part: string, specifier: string): string | undefined {
  if (specifier.startsWith("node:") || module.isTest) return undefined;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (PACKAGES[part]?.includes(name)) return undefined;
  return `kernel/src/${part} does not use the package "${name}" (see PACKAGES in tools/tidy/layers.ts).`;
}

function commerceObjection(module: Module, { specifier, target }: Import): string | undefined {
  if (module.isTest || SEES_ALL.test(module.path)) return undefined;
  if (target === undefined) {
    const [, part] = /^@isomer\/kernel\/([a-z]+)/.exec(specifier) ?? [];
    return part !== undefined && NOT_FOR_SERVICES.has(part) ? `Services take what ${part} offers as ports.` : undefined;
  }
  if (!target.startsWith("commerce/")) return "Import the kernel by its package name, @isomer/kernel/<part>.";
  const [, own = ""] = module.path.split("/");
  const [, other = "", ...rest] = target.split("/");
  if (other === own || other === "shared" || rest.join("/") === "contract.ts") return undefined;
  return `${own} may import ${other}'s contract.ts, and nothing else of it.`;
}

/** The part of the kernel that a path belongs to. */
function partOf(path: string): string {
  return path.split("/")[2] ?? "";
}

function rankOf(part: string): number {
  return LAYERS.findIndex((parts) => parts.includes(part));
}

function isTestCode(path: string): boolean {
  return path.includes("/testing/") || path.endsWith(".test.ts");
}

function at(module: Module, { start }: Import): Pick<Finding, "path" | "line"> {
  return { path: module.path, line: lineAt(module, start) };
}
