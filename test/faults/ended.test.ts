import { describe, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { Child } from "../child.ts";
import { available as hasMariaDb } from "../mariadb.ts";
import { available as hasRedis } from "../redis.ts";
import { eventually } from "../storage-pairs.ts";

// All processes that a long-running test command started end with it, however it ends.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

interface Process {
  readonly pid: number;
  /** From the kernel: no other process has both the same pid and the same start time. */
  readonly startedAt: string;
  readonly parent: number;
  /** Whether it is a shell: watchdogs are, servers are not. */
  readonly isShell: boolean;
}

/** The process with this pid, unless it is a zombie. */
async function processOf(pid: number): Promise<Process | undefined> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => "");
  // The second field, the name, may contain anything.
  const [state = "", parent, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "" || state === "Z") return undefined;
  const isShell = stat.includes("(sh)");
  return { pid, startedAt: fields[17] ?? "", parent: Number(parent), isShell };
}

/** All descendants of a process. */
async function descendantsOf(ancestor: number): Promise<Process[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const all = (await Promise.all(pids.map(processOf))).filter((each) => each !== undefined);
  const found = new Set([ancestor]);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => pid !== ancestor && found.has(pid));
}

async function leftOf(processes: readonly Process[]): Promise<Process[]> {
  const now = await Promise.all(processes.map(({ pid }) => processOf(pid)));
  return processes.filter(({ startedAt }, index) => now[index]?.startedAt === startedAt);
}

/** The command, whether it can run here, and how many servers it starts. */
const COMMANDS: [string, boolean, number][] = [
  ["soak", true, 2],
  // Two databases and three tiers.
  ["check-cache", hasMariaDb && hasRedis, 5],
];

for (const [command, isAvailable, started] of COMMANDS) {
  describe.skipIf(!isAvailable || !existsSync("/proc/self/stat"))(`bun run ${command}`, () => {
    test.concurrent.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
      "leaves nothing on %s",
      async (signal) => {
        await using child = new Child(`test/faults/${command}.ts`, { args: ["--minutes", "2"] });
        let processes: Process[] = [];
        await eventually("all have started", async () => {
          processes = await descendantsOf(child.pid);
          return processes.filter(({ isShell }) => !isShell).length >= started;
        });
        child.kill(signal);
        await child.exited();
        await eventually("all have ended", async () => (await leftOf(processes)).length === 0);
      },
    );
  });
}
