/**
 * A shell process that kills another process `graceMs` after this process has ended: a process that
 * hangs or is stopped would not notice the end of its parent. The guard notices it by the end of
 * its own stdin.
 */
export class Guard {
  readonly #process: Bun.Subprocess<"pipe", "ignore", "ignore">;

  private constructor(pid: number, graceMs: number) {
    const args = [`${pid}`, `${graceMs / 1000}`];
    this.#process = Bun.spawn(["/bin/sh", "-c", SCRIPT, "sh", ...args], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#process.unref();
  }

  /** Undefined on a system without a shell. */
  static of(pid: number, graceMs: number): Guard | undefined {
    try {
      return new Guard(pid, graceMs);
    } catch {
      return undefined;
    }
  }

  /** End the guard: the process has ended, and its id may be used again. */
  dismiss(): void {
    this.#process.stdin.write("\n");
    this.#process.stdin.end();
  }
}

const SCRIPT = `trap "" INT TERM HUP
  read -r _ && exit
  seconds=$2
  while kill -0 "$1" 2> /dev/null; do
    [ "$seconds" -gt 0 ] || { kill -9 "$1"; exit; }
    seconds=$((seconds - 1))
    sleep 1
  done`;
