import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * Stop a process until it gets SIGCONT, and wait until all its threads have stopped: on a busy
 * machine, a thread may still answer for a while after the signal.
 */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  while (existsSync("/proc") && !isFrozen(pid)) await Bun.sleep(1);
}

function isFrozen(pid: number): boolean {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder).every((thread) => {
    try {
      // The state is the first field after the name; the name may contain anything.
      return /^.*\) T/s.test(readFileSync(`${folder}/${thread}/stat`, "utf8"));
    } catch {
      return true; // A thread that has ended meanwhile does nothing any more.
    }
  });
}
