import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import type { Machine } from "../report/results.ts";
import { run } from "../run.ts";

const ROOT = join(import.meta.dir, "../..");

/** @param versions of what else took part */
export async function describeMachine(
  versions: Readonly<Record<string, string>>,
): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    versions: { Bun: Bun.version, ...versions },
  };
}

/** What was measured, as `git describe` says; "unknown" outside of a repository. */
export async function commitOf(): Promise<string> {
  const git = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"];
  return run(git).then(
    (text) => text.trim(),
    () => "unknown",
  );
}
