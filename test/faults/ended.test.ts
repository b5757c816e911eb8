import { describe, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { Child } from "../child.ts";
import { available as hasMariaDb } from "../mariadb.ts";
import { available as hasRedis } from "../redis.ts";
import { eventually } from "../storage-pairs.ts";

// What a command of the long tests has started ends with it, however it is ended.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

interface Process {
  readonly pid: number;
  /** As the kernel has it: no other process has both the same pid and the same start. */
  readonly startedAt: string;
  readonly parent: number;
  /** A watchdog is a shell; what it guards is not. */
  readonly isShell: boolean;
}

/** The process with this pid, unless it has ended and only waits for its parent to take note. */
async function processOf(pid: number): Promise<Process | undefined> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => "");
  // The second field, the name, may hold anything.
  const [state = "", parent, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "" || state === "Z") return undefined;
  const isShell = stat.includes("(sh)");
  return { pid, startedAt: fields[17] ?? "", parent: Number(parent), isShell };
}

/** All that a process has started, and what that has. */
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

/** Which, whether it can be run here, and how many servers it starts. */
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
