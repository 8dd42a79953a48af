/** Reads the placement of a fleet's folder. */
import { existsSync, readFileSync } from "node:fs";
import { PlacementInvalid } from "./faults.ts";
import { fleetPaths } from "./fleet-file.ts";
import { type Placement, defaultPlacement, parsePlacement } from "./placement.ts";

/** What {@link readPlacement} takes. */
export interface ReadPlacementOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly services: readonly string[];
  /** Those of the services that are written in another language. */
  readonly programs?: readonly string[];
  /** Another file than the folder's. */
  readonly file?: string | undefined;
}

/**
 * The placement of a file, else that of the folder, which changes of a running fleet are kept in, else the default one.
 * @throws {PlacementInvalid} naming the file.
 */
export function readPlacement({ folder, services, programs, file }: ReadPlacementOptions): Placement {
  const path = file ?? fleetPaths.placement(folder);
  if (file === undefined && !existsSync(path)) return defaultPlacement(services);
  try {
    return parsePlacement(readFileSync(path, "utf8"), services, programs);
  } catch (error) {
    const detail = PlacementInvalid.is(error)
      ? error.data.detail
      : error instanceof Error
        ? error.message
        : "unreadable";
    throw PlacementInvalid.with({ detail: `${path}: ${detail}` }, { cause: error });
  }
}
