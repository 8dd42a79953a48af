/** Amounts in a few characters, for tables. Pure. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A duration in at most six characters: `8s`, `3m20s`, `2h05m`, `12d4h`. */
export function durationText(ms: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m${two((ms % MINUTE_MS) / SECOND_MS)}s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h${two((ms % HOUR_MS) / MINUTE_MS)}m`;
  return `${Math.floor(ms / DAY_MS)}d${Math.floor((ms % DAY_MS) / HOUR_MS)}h`;
}

/** A rate in at most five characters: `0`, `0.4`, `87`, `1.2k`. */
export function rateText(perSecond: number): string {
  if (perSecond >= 999.5) return `${(perSecond / 1_000).toFixed(perSecond < 9_950 ? 1 : 0)}k`;
  if (perSecond >= 9.95 || perSecond === 0) return String(Math.round(perSecond));
  return perSecond.toFixed(1);
}

/** A latency in at most five characters, in milliseconds unless it says seconds: `0.42`, `12`, `1.2s`. */
export function latencyText(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)}s`;
  if (ms >= 9.95) return String(Math.round(ms));
  return ms.toFixed(ms < 0.995 ? 2 : 1);
}

/** A size in at most four characters: `87M`, `1.2G`. */
export function sizeText(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib < 999.5) return `${Math.round(mib)}M`;
  const gib = mib / 1024;
  return `${gib.toFixed(gib < 9.95 ? 1 : 0)}G`;
}
