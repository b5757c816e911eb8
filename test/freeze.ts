import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * Stop a process until it gets SIGCONT. The signal is not enough: where cores are busy, a thread
 * may go on, and answer, before it hears of it.
 */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  while (existsSync("/proc") && !isFrozen(pid)) await Bun.sleep(1);
}

function isFrozen(pid: number): boolean {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder).every((thread) => {
    try {
      // The state stands behind the name, which may hold anything.
      return /^.*\) T/s.test(readFileSync(`${folder}/${thread}/stat`, "utf8"));
    } catch {
      return true; // A thread that has ended meanwhile does nothing any more.
    }
  });
}
