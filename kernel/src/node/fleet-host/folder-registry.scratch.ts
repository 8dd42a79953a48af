import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Registry } from "../../transport/mod.ts";
export function natsRegistry({ folder }: { folder: string }): Registry {
  const timers = new Set<NodeJS.Timeout>();
  return {
    async register(instance) {
      const f = join(folder, "registry", instance.service);
      mkdirSync(f, { recursive: true });
      const p = join(f, `${instance.id.replace("/", "_")}.json`);
      const w = (i: object) => {
        writeFileSync(`${p}.new`, JSON.stringify(i));
        renameSync(`${p}.new`, p);
      };
      w(instance);
      return {
        async update(health) {
          w({ ...instance, health });
        },
        async release() {
          rmSync(p, { force: true });
        },
      };
    },
    watch(service, listener) {
      let last = "";
      const look = () => {
        let names: string[] = [];
        try {
          names = readdirSync(join(folder, "registry", service)).filter((n) => n.endsWith(".json"));
        } catch {}
        const instances = names.toSorted().flatMap((n) => {
          try {
            return [JSON.parse(readFileSync(join(folder, "registry", service, n), "utf8"))];
          } catch {
            return [];
          }
        });
        const text = JSON.stringify(instances);
        if (text !== last) {
          last = text;
          listener({ service, instances, isCurrent: true });
        }
      };
      const t = setInterval(look, 100);
      timers.add(t);
      setImmediate(look);
      return () => {
        clearInterval(t);
        timers.delete(t);
      };
    },
    async close() {
      for (const t of timers) clearInterval(t);
    },
  };
}
