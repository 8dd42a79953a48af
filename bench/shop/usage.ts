/** What a process has used: told by the children of benchmarks. */

/** What a process has used since it began, and what its databases have done. */
export interface Usage {
  /** User and system, in milliseconds, of all its threads. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly stores: Readonly<Record<string, { readonly transactions: number; readonly commits: number }>>;
}

/** What this process has used. */
export function usageNow(): Pick<Usage, "cpuMs" | "rssBytes"> {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
}
