import { StaticRegistry } from "./static-registry.ts";
import { registryConformance } from "./testing/registry-conformance.ts";

registryConformance(
  "static",
  () => {
    const registry = new StaticRegistry();
    const interrupt = (): Promise<() => Promise<void>> => {
      registry.setCurrent(false);
      return Promise.resolve(() => {
        registry.setCurrent(true);
        return Promise.resolve();
      });
    };
    return Promise.resolve({ registry, other: registry, interrupt, close: () => Promise.resolve() });
  },
  { tellsAll: true },
);
