/** The terminal that a command runs in, and the signals that it gets. */

/** Where a command reads what it was told, and writes what it has to say. */
export interface Terminal {
  /** Whether lines can be written over, and colours be shown. */
  readonly isLive: boolean;
  /** In characters; 80 and 24 when there is none. */
  readonly size: { readonly columns: number; readonly rows: number };
  write(text: string): void;
  error(text: string): void;
  /** Calls the listener at Ctrl-C and SIGTERM. Returns what ends it. */
  onStop(listener: () => void): () => void;
  /** Calls the listener when its size changed. */
  onResize(listener: () => void): void;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  // Whoever reads our output may leave: `isomer logs | head`.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  return {
    isLive: stdout.isTTY === true && process.env["TERM"] !== "dumb",
    get size() {
      return { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 };
    },
    write: (text) => void stdout.write(text),
    error: (text) => void stderr.write(text),
    onStop(listener) {
      const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    onResize: (listener) => void stdout.on("resize", listener),
  };
}

/** Ends this process at once, whatever it has open. */
export function endProcess(code: number): never {
  process.exit(code);
}
