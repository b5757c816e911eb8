// Where results are kept, and how they are read back: checked, since a file may be of another
// version.

import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { BenchResults } from "./results.ts";

export const RESULTS_FOLDER = join(import.meta.dir, "../results");

/** What a report fails with, in words for who has called it. */
export class ReportError extends Error {
  override readonly name = "ReportError";
}

const VERSION = 2;
const Text = Type.String();
const Figure = Type.Number();
const ByName = Type.Record(Type.String(), Figure);

const Round = Type.Object({
  seconds: Figure,
  requests: Figure,
  errors: Figure,
  refused: Figure,
  checked: Figure,
  wrong: Figure,
  latencyMs: Type.Object({ p50: Figure, p90: Figure, p99: Figure, p999: Figure, max: Figure }),
  cpuSeconds: ByName,
  memoryBytes: ByName,
  stolenShare: Type.Optional(Figure),
});

const Load = Type.Object({
  endpoint: Text,
  connections: Figure,
  passwordHash: Type.Optional(Text),
  users: Figure,
  tool: Text,
  floor: Type.Optional(Figure),
  contenders: Type.Array(Type.Object({ name: Text, rounds: Type.Array(Round) })),
});

const Results = Type.Object({
  version: Type.Literal(VERSION),
  startedAt: Text,
  command: Text,
  commit: Text,
  machine: Type.Object({
    cpu: Text,
    cores: Figure,
    memoryBytes: Figure,
    kernel: Text,
    versions: Type.Record(Type.String(), Text),
  }),
  isFull: Type.Boolean(),
  rounds: Figure,
  roundSeconds: Figure,
  contenders: Type.Array(Text),
  leftOut: Type.Array(Text),
  loads: Type.Array(Load),
  overConnections: Type.Array(
    Type.Object({ connections: Figure, name: Text, requestsPerSecond: Figure, errors: Figure }),
  ),
  overRows: Type.Array(
    Type.Object({
      endpoint: Text,
      rows: Figure,
      cpuMicrosPerRequest: Figure,
      requestsPerSecond: Figure,
    }),
  ),
  memory: Type.Array(Type.Object({ tier: Text, afterBytes: Figure, minuteLaterBytes: Figure })),
  startMs: Type.Array(Figure),
});

/**
 * The newest results of a full run in a folder, by their names.
 * @throws ReportError where there are none, or newer ones cannot be read
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
 * Read results and check that they are what a report can be made of.
 * @throws ReportError where the file cannot be read, is of another version or has another shape
 */
export async function readResults(path: string): Promise<BenchResults> {
  const value = await readJson(path);
  const { version } = Object(value);
  if (version !== VERSION) {
    const found = version === undefined ? "no version" : `version ${version}`;
    throw new ReportError(`Cannot report ${path}: it has ${found}, this report reads ${VERSION}`);
  }
  if (Value.Check(Results, value)) return value;
  const wrong = Value.Errors(Results, value).First();
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

/** As in "2026-11-23T14-52-13Z.json", so that the order of names is that of time. */
export function fileNameOf({ startedAt }: BenchResults): string {
  return `${new Date(startedAt).toISOString().slice(0, 19).replaceAll(":", "-")}Z.json`;
}
