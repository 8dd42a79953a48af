/** A small disk of its own, which a test can fill up and empty: a tmpfs, so Linux and the right to mount are needed. */
import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHUNKS = [2 ** 20, 2 ** 12] as const;
const BALLAST = "ballast";

/** Why there can be no such disk here, if so: the reason to skip a test with. */
export function withoutMounting(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux may mount a small disk";
  try {
    new TightDisk(1)[Symbol.dispose]();
    return false;
  } catch {
    return "mounting a tmpfs is not allowed here: a container needs CAP_SYS_ADMIN for it";
  }
}

/** A disk that is small. Disposing of it unmounts it: nobody may use it then. */
export class TightDisk implements Disposable {
  /** Where it is. */
  readonly folder: string;

  /** @throws when it cannot be mounted. */
  constructor(megabytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), "isomer-tight-"));
    try {
      mount(["-t", "tmpfs", "-o", `size=${megabytes}m,mode=711`, "tmpfs", this.folder]);
    } catch (error) {
      rmdirSync(this.folder);
      throw error;
    }
    // The server that keeps data there may be another user's.
    chmodSync(this.folder, 0o711);
  }

  /** Takes all room that is left. */
  fill(): void {
    const file = openSync(join(this.folder, BALLAST), "a");
    try {
      for (const bytes of CHUNKS) {
        const chunk = Buffer.alloc(bytes, 1);
        while (writeAll(file, chunk));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives the room back. */
  free(): void {
    rmSync(join(this.folder, BALLAST), { force: true });
  }

  [Symbol.dispose](): void {
    execFileSync("umount", [this.folder], { stdio: "ignore" });
    rmdirSync(this.folder);
  }
}

/** Whether the chunk fitted. */
function writeAll(file: number, chunk: Buffer): boolean {
  try {
    return writeSync(file, chunk) === chunk.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw error;
  }
}

function mount(words: readonly string[]): void {
  execFileSync("mount", [...words], { stdio: "ignore" });
}
