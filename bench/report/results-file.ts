// Finds and reads result files. Their shape is checked, because a file may have another version.

import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { BenchResults, RESULTS_VERSION } from "./results.ts";

export const RESULTS_FOLDER = join(import.meta.dir, "../results");

/** A report cannot be made. The message is for the user of the command. */
export class ReportError extends Error {
  override readonly name = "ReportError";
}

/**
 * Find the newest results of a full run in a folder. The names of files are sorted by time.
 * @throws ReportError there are none, or a newer file cannot be read
 */
export async function newestResults(folder: string = RESULTS_FOLDER): Promise<string> {
  const names = await Array.fromAsync(new Bun.Glob("*.json").scan({ cwd: folder })).catch(() => []);
  for (const name of names.sort().toReversed()) {
    const path = join(folder, name);
    if (Object(await readJson(path)).isFull === true) return path;
  }
  throw new ReportError(
    `Cannot find results of a full run in ${folder}: \`bun run bench sla\` makes them`,
  );
}

/**
 * Read results and check their shape.
 * @throws ReportError the file cannot be read, or has another version or shape
 */
export async function readResults(path: string): Promise<BenchResults> {
  const value = await readJson(path);
  const { version } = Object(value);
  if (version !== RESULTS_VERSION) {
    const found = version === undefined ? "no version" : `version ${version}`;
    throw new ReportError(
      `Cannot report ${path}: it has ${found}, this report reads ${RESULTS_VERSION}`,
    );
  }
  if (Value.Check(BenchResults, value)) return value;
  const wrong = Value.Errors(BenchResults, value).First();
  throw new ReportError(`Cannot report ${path}: ${wrong?.message} at ${wrong?.path}`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return await Bun.file(path).json();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ReportError(`Cannot read ${path}: ${reason}`, { cause });
  }
}

/** As in "2026-11-23T14-52-13Z.json": sorted by name, files are sorted by time. */
export function fileNameOf({ startedAt }: BenchResults): string {
  return `${new Date(startedAt).toISOString().slice(0, 19).replaceAll(":", "-")}Z.json`;
}
